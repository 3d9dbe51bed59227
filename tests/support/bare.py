"""The service in a virtual environment without the packages of its extras."""

import venv
from pathlib import Path

from tests.support.service import ROOT


def make_bare_root(root: Path, *, without: tuple[str, ...]) -> Path:
    """Makes the folder a checkout whose `.venv` has every package of ours but those; returns it.

    Args:
        root: an empty folder.
        without: how the names of the left-out packages' folders begin.
    """
    venv.create(root / ".venv", symlinks=True, with_pip=False)
    [bare] = (root / ".venv" / "lib").glob("*/site-packages")
    [full] = (ROOT / ".venv" / "lib").glob("*/site-packages")
    for entry in full.iterdir():
        if not entry.name.startswith(without):
            (bare / entry.name).symlink_to(entry)
    for name in ("app", "bin", "sql", "setup.cfg"):
        (root / name).symlink_to(ROOT / name)
    return root
