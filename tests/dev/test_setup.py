"""`bin/setup` where it cannot do its work: one sentence that says what is missing, and how to get it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.install import MEGABYTES, REDIS_MEGABYTES
from tests.support.checkout import checkout
from tests.support.service import ROOT, clean_environ, free_port

OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
PYTHON_WITHOUT_VENV = f"""\
#!/bin/sh
case $2 in *ensurepip*) exit 1 ;; esac
exec {sys.executable} "$@"
"""
VERSION = "{}.{}".format(*sys.version_info)


@pytest.fixture
def copy() -> Iterator[Path]:
    """A checkout without packages that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = checkout(Path(folder) / "copy")
        (copy / ".venv").unlink()
        yield copy


def run(copy: Path, *before: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [*before, str(copy / "bin" / "setup")]
    return subprocess.run(
        command, env=clean_environ(environ), capture_output=True, text=True, timeout=60, check=False
    )


def test_without_a_network_it_says_so(copy: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/"
    done = run(copy, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=nobody, PIP_NO_CACHE_DIR="1")
    assert done.returncode == 69
    assert "The package index does not answer ([Errno 111] Connection refused)." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_checkout_of_somebody_else_is_left_as_it_is(copy: Path) -> None:
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    drop_root = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    done = run(copy, *drop_root, PYTHON=shutil.which("python3", path=os.defpath) or sys.executable)
    copy.chmod(0o755)
    assert (done.returncode, done.stdout) == (73, "")
    assert done.stderr == f"{copy} is read-only: .venv cannot be made there. Copy the checkout elsewhere.\n"


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (OLD_PYTHON, "is Python 3.9, and Python 3.11, 3.12, 3.13 or 3.14 is needed."),
        (
            PYTHON_WITHOUT_VENV,
            f"is Python {VERSION} without its venv module. On Debian and Ubuntu: apt install",
        ),
        (PYTHON_WITHOUT_VENV, f"apt install python{VERSION}-venv"),
    ],
    ids=["too old", "no venv", "its package"],
)
def test_a_python_that_does_not_do_is_named_with_what_to_install(
    copy: Path, tmp_path: Path, program: str, sentence: str
) -> None:
    python = tmp_path / "python"
    python.write_text(program)
    python.chmod(0o755)
    done = run(copy, PYTHON=str(python))
    assert done.returncode == 69
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_it_tells_of_the_disk_is_about_true() -> None:
    lock = (ROOT / ".venv" / "lock-installed").read_text().split()[0]
    packages = Path(sysconfig.get_path("purelib"))
    found = sum(file.lstat().st_size for file in packages.rglob("*") if file.is_file()) / 1_000_000
    assert MEGABYTES[lock][1] / 2 < found < MEGABYTES[lock][1] * 1.3


def test_the_readme_tells_what_is_downloaded() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"downloads (\d+) MB, and the first test run (\d+) MB more", readme)
    assert told
    dev, test = MEGABYTES["dev"][0], MEGABYTES["test"][0]
    assert told.groups() == (str(dev), str(test + REDIS_MEGABYTES - dev))
