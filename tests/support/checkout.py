"""A second checkout, for tests that change files or run what works on all of them."""

import shutil
import subprocess
from pathlib import Path

from tests.support.service import ROOT


def checkout(folder: Path) -> Path:
    """Makes the folder the repository as git knows it, with the packages and the caches of this one."""
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    # A link is no folder, which .gitignore names.
    (folder / ".git" / "info" / "exclude").write_text("/.venv\n")
    return folder
