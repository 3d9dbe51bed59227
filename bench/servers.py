"""The servers that are measured: how each one starts, and how much CPU time and memory it uses."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.settings.places import ROOT
from bench import cores
from bench.build import DATA, Built
from bench.peers.contract import numbered_sql
from dev.processes import signal_from_dying_parent
from tests.support.service import PRODUCTION, free_port

MIB = 1024 * 1024
PROXIED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
"""The headers that a proxy in front adds to a request."""
START_SECONDS = 60.0
STOP_SECONDS = 40.0
OK = 200
REQUESTS = 50
IDLE_ROUNDS = 3
PORT = "{port}"
"""The place of the port in a command."""
_end_with_parent = signal_from_dying_parent(signal.SIGTERM)

GUNICORN = [
    *("-P", "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1", "--threads", "8"),
    *("--keep-alive", "125", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"),  # noqa: S108  # as this service
    *("--bind", f"127.0.0.1:{PORT}"),
]
"""This service's own settings, but with gunicorn's own worker class."""
ACCESS_LOG = ["--access-logfile", "-"]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be measured.

    Attributes:
        name: its name in the results.
        command: starts it; {port} stands for the port.
        environ: its variables beside those that all servers have.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]


def servers(built: Built) -> dict[str, Server]:
    """All servers, by name."""
    ours, theirs = [sys.executable, *GUNICORN], [str(built.python), *GUNICORN]
    uvicorn = ["-P", "-m", "uvicorn", "--host", "127.0.0.1", "--port", PORT, "--timeout-keep-alive", "125"]
    root = {"PYTHONPATH": str(ROOT)}
    sql = {"SQL": numbered_sql(), "NODE_ENV": "production"}
    listed = [
        Server("ours", (str(ROOT / "bin" / "start"),), {"WEB_CONCURRENCY": "1"}),
        Server(
            "gthread", (str(ROOT / "bin" / "start"),), {"WEB_CONCURRENCY": "1", "WORKER_CLASS": "gthread"}
        ),
        Server("fastify", ("node", str(built.fastify)), sql),
        Server("fastapi", (str(built.python), *uvicorn, "bench.peers.fastapi_app:app"), root),
        Server("flask", (*theirs, *ACCESS_LOG, "bench.peers.flask_app:app"), root),
        Server("falcon", (*ours, *ACCESS_LOG, "bench.peers.bare_falcon:app"), root),
    ]
    return {server.name: server for server in listed}


class Running:
    """A server that has answered its first request.

    Attributes:
        url: its URL without a path.
        start_seconds: the time from its exec to its first 200 of /health.
        log: the file of its output.
    """

    def __init__(self, process: psutil.Process, port: int, start_seconds: float, log: Path) -> None:
        self._process = process
        self.log = log
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.start_seconds = start_seconds

    def family(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self._process, *self._process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """User and system time of all its processes, including those that have ended."""
        return float(sum(sum(member.cpu_times()[:4]) for member in self.family()))

    def mebibytes(self) -> float:
        """The proportional set size of all its processes, which divide shared pages among them."""
        return float(sum(member.memory_full_info().pss for member in self.family()) / MIB)

    def settled_mebibytes(self) -> float:
        """The same after a few requests, once the server is idle."""
        for _ in range(REQUESTS):
            _is_healthy(self.port)
        before, idle = self.cpu_seconds(), 0
        while idle < IDLE_ROUNDS:
            time.sleep(0.1)
            now = self.cpu_seconds()
            idle = idle + 1 if now == before else 0
            before = now
        return self.mebibytes()


@contextmanager
def running(server: Server, *, database_url: str, rate_limit: str, **environ: str) -> Iterator[Running]:
    """Starts a server on its core, with its output in a file on disk, and stops it at the end.

    Raises:
        RuntimeError: the server ended or did not answer in time; the message has the end of its output.
    """
    port = free_port()
    command = [part.replace(PORT, str(port)) for part in server.command]
    limits = dict.fromkeys(("RATE_LIMIT", "RATE_LIMIT_NOT_FOUND", "RATE_LIMIT_SIGN_IN"), rate_limit)
    settings = {
        "PATH": os.environ["PATH"],
        **PRODUCTION,
        **limits,
        "DATABASE_URL": database_url,
        "PORT": str(port),
        **server.environ,
        **environ,
    }
    log = DATA / "logs" / f"{server.name}-{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=settings,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            preexec_fn=_before_exec,  # noqa: PLW1509  # two system calls
        )
    try:
        _await_answer(process, port, log)
        yield Running(psutil.Process(process.pid), port, time.perf_counter() - began, log)
    finally:
        _stop(process)
        log.unlink()


def _before_exec() -> None:
    cores.go_to_server_core()
    if _end_with_parent:
        _end_with_parent()


def _await_answer(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            end = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args!r} does not answer:\n{end}")
        time.sleep(0.001)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health", headers=PROXIED)
        return connection.getresponse().status == OK
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in family:
        if member.is_running():
            member.kill()
