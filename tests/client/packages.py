"""client/ and its example with their packages from npm, in a folder of the test's own."""

import os
import shutil
import subprocess
from pathlib import Path

from dev.client import CLIENT

QUIET = ["--no-audit", "--no-fund", "--silent"]


def npm(folder: Path, *arguments: str, **environ: str) -> str:
    """What npm prints; it has to succeed."""
    done = subprocess.run(
        ["npm", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"npm {' '.join(arguments)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def installed(folder: Path) -> Path:
    """A copy of client/ with what its lock names."""
    copy = folder / "client"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules", "types", "dist"))
    npm(copy, "ci", "--ignore-scripts", *QUIET)
    return copy
