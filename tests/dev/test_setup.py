"""`bin/setup` where it cannot do its work: one sentence that says what is missing, and how to get it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from dev.install import MEGABYTES, REDIS_MEGABYTES, STOPPED, Pip
from tests.support.checkout import checkout
from tests.support.service import ROOT, clean_environ, free_port
from tests.support.waiting import until

OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
PYTHON_WITHOUT_VENV = f"""\
#!/bin/sh
case $2 in *ensurepip*) exit 1 ;; esac
exec {sys.executable} "$@"
"""
PYTHON_SIGNALLED_WHILE_IT_STARTS = f"""\
#!{sys.executable}
import os, sys
if "dev.install" in sys.argv:
    os.kill(os.getpid(), NUMBER)
os.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])
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


def executable(folder: Path, program: str) -> Path:
    """A Python of the test's own."""
    python = folder / "python"
    python.write_text(program)
    python.chmod(0o755)
    return python


def no_index(url: str = "") -> dict[str, str]:
    """The environment of a pip that finds nothing: nobody listens at its index, or who does says nothing."""
    url = url or f"http://127.0.0.1:{free_port()}/"
    return {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "PIP_NO_CACHE_DIR": "1"}


@contextmanager
def index_of_one_wheel(folder: Path) -> Iterator[str]:
    """The URL of a package index that has a wheel of two megabytes."""
    (folder / "large").mkdir()
    files = {
        "large.bin": os.urandom(2_000_000),
        "large-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: large\nVersion: 1\n",
        "large-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / "large" / "large-1-py3-none-any.whl", "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_without_a_network_it_says_so(copy: Path) -> None:
    done = run(copy, **no_index())
    assert done.returncode == 69
    assert "The package index does not answer ([Errno 111] Connection refused)." in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "MB" not in done.stdout


def test_a_venv_that_was_not_made_to_the_end_is_made_anew(copy: Path) -> None:
    # What Ctrl-C leaves behind: a Python that runs, without pip.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy / ".venv"], check=True)
    done = run(copy, **no_index())
    assert "The package index does not answer" in done.stderr


def test_a_venv_that_is_whole_is_kept(copy: Path) -> None:
    run(copy, **no_index())
    kept = copy / ".venv" / "kept"
    kept.touch()
    run(copy, **no_index())
    assert kept.exists()


@pytest.mark.parametrize("made", [".venv/bin/python", ".venv/bin/pip"])
def test_ctrl_c_ends_it_with_all_that_it_runs_and_the_next_one_works(copy: Path, made: str) -> None:
    # It takes connections and says nothing, so pip waits.
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/"
        with subprocess.Popen(
            [copy / "bin" / "setup"],
            env=clean_environ(no_index(url)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as setup:
            until((copy / made).exists, seconds=30, what=made)
            family = until(lambda: psutil.Process(setup.pid).children(recursive=True), seconds=10, what="pip")
            # Both at once count as one.
            setup.send_signal(signal.SIGINT)
            setup.send_signal(signal.SIGTERM)
            said = setup.stderr.read() if setup.stderr else ""
    assert (setup.returncode, said) == (130, f"\n{STOPPED}\n")
    until(lambda: not any(process.is_running() for process in family), seconds=10, what="all to end")
    assert "The package index does not answer" in run(copy, **no_index()).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_python_starts_is_an_orderly_end(
    copy: Path, tmp_path: Path, number: signal.Signals
) -> None:
    python = executable(tmp_path, PYTHON_SIGNALLED_WHILE_IT_STARTS.replace("NUMBER", str(int(number))))
    done = run(copy, PYTHON=str(python))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"\n{STOPPED}\n")


def test_progress_never_tells_more_than_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wheels of this platform may be larger than those that were added up."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with index_of_one_wheel(tmp_path) as url:
        pip = Pip(1, "About a megabyte:")
        assert pip.run("download", f"--index-url={url}", f"--dest={tmp_path}", "large"), pip.said
    assert capsys.readouterr().out == "About a megabyte:\n    2 of 2 MB, large\n"


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
    done = run(copy, PYTHON=str(executable(tmp_path, program)))
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
    sentence = r"downloads (\d+) MB and takes a minute; the first test run downloads (\d+) MB more"
    told = re.search(sentence, readme)
    assert told
    dev, test = MEGABYTES["dev"][0], MEGABYTES["test"][0]
    assert told.groups() == (str(dev), str(test + REDIS_MEGABYTES - dev))
