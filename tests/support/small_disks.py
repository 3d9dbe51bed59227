"""A service whose /tmp and /dev/shm are small, and its own."""

import os

from tests.support.service import ROOT

SHM = "/dev/shm"  # noqa: S108  # Linux has no other name for it


def on_small_disks(*, tmp: str, shm: str, fill: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The command of a service with file systems of its own, of that size, some of them full already."""
    steps = [
        f"mount -t tmpfs -o size={tmp} tmpfs $TMPDIR",
        f"mount -t tmpfs -o size={shm} tmpfs {SHM}",
        *(f"cat /dev/zero > {folder}/filler 2>&-" for folder in fill),
    ]
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    script = f'{"; ".join(steps)}; exec "$0"'
    return ("/usr/bin/unshare", "--mount", *rights, "sh", "-c", script, str(ROOT / "bin/start"))
