"""Finds a CPython 3.14 on this machine that can be copied into the base image."""

import os
import shutil
import subprocess
from pathlib import Path

ASK = "import sys; print(sys.base_prefix if sys.version_info[:2] == (3, 14) else '')"


def find_prefix() -> str:
    """Returns the prefix of a CPython 3.14 outside /usr, or "debian" where there is none."""
    for candidate in _candidates():
        answer = subprocess.run([candidate, "-c", ASK], capture_output=True, text=True, check=False)
        prefix = answer.stdout.strip()
        # The distribution's own Python is spread over /usr and cannot be copied as one folder.
        if answer.returncode == 0 and prefix not in ("", "/usr"):
            return prefix
    return "debian"


def _candidates() -> list[str]:
    found = shutil.which("python3.14")
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    managed = [*pyenv.glob("versions/3.14*/bin/python3.14"), *uv.glob("cpython-3.14*/bin/python3.14")]
    return [*([found] if found else []), *map(str, managed)]
