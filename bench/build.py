"""Installs what the measurements need: wrk and npm from Debian, the peers' packages from their registries."""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from app.settings.places import ROOT

PEERS = Path(__file__).parent / "peers"
DATA = ROOT / ".data" / "bench"
PACKAGES = {"wrk": ["wrk"], "npm": ["nodejs", "npm"]}
"""For each command, the Debian packages that bring it."""
OLDEST_NODE = 20


@dataclass(frozen=True, slots=True)
class Built:
    """Where the peers are installed.

    Attributes:
        python: the interpreter of the Python peers.
        fastify: the JavaScript file of the Fastify peer.
    """

    python: Path
    fastify: Path


def build() -> Built:
    """Installs what is missing or has changed.

    Raises:
        subprocess.CalledProcessError: an installer failed; standard error says why.
        RuntimeError: Node.js is too old.
    """
    _install_commands()
    version = subprocess.check_output(["node", "--version"], text=True).strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise RuntimeError(f"Fastify 5 needs Node.js {OLDEST_NODE} or newer, and this is {version}")
    return Built(python=install_python_peers(), fastify=_install_fastify())


def _install_commands() -> None:
    missing = [name for command, names in PACKAGES.items() if not shutil.which(command) for name in names]
    if not missing:
        return
    _say(f"installing {' '.join(missing)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
        _run([*sudo, "apt-get", *arguments], environ=environ)


def install_python_peers() -> Path:
    """Installs the Python peers and matplotlib if something is missing or has changed; returns their Python.

    Raises:
        subprocess.CalledProcessError: pip failed; standard error says why.
    """
    folder = DATA / "venv"
    python = folder / "bin" / "python"
    requirements = PEERS / "requirements.txt"
    parser = _parser_requirement()
    if _is_current(folder, requirements.read_text(), parser, sys.version):
        return python
    _say("installing the Python peers")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--require-hashes", "-r", str(requirements)])
    if parser:
        _run([*pip, "--no-deps", parser])
    _run([str(python), "-m", "compileall", "-q", str(PEERS)])
    _remember(folder, requirements.read_text(), parser, sys.version)
    return python


def _parser_requirement() -> str:
    """Gunicorn's HTTP parser in C if this service has it, so that the peers have it too."""
    try:
        return f"gunicorn_h1c=={importlib.metadata.version('gunicorn_h1c')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _install_fastify() -> Path:
    """Copies the peer to where its packages are; returns its file."""
    source, folder = PEERS / "fastify", DATA / "fastify"
    lock = (source / "package-lock.json").read_text()
    if not _is_current(folder, lock):
        _say("installing Fastify")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules"))
        _run(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder)
        _remember(folder, lock)
    shutil.copy(source / "server.js", folder)
    return folder / "server.js"


def _is_current(folder: Path, *inputs: str) -> bool:
    note = folder / "built-from"
    return note.is_file() and note.read_text() == _digest(inputs)


def _remember(folder: Path, *inputs: str) -> None:
    (folder / "built-from").write_text(_digest(inputs))


def _digest(inputs: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()


def _run(command: list[str], folder: Path | None = None, environ: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=folder, env=environ, check=True, stdout=sys.stderr)


def _say(sentence: str) -> None:
    print(f"bench: {sentence} ...", file=sys.stderr, flush=True)
