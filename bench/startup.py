"""Start-up and memory at rest, beside a bare Falcon app under the same gunicorn; writes docs/benchmarks.md.

    bin/python -m bench.startup [--rounds 9]

Start-up runs from exec to the first 200 of /health, on an up-to-date database. Memory is the proportional set
size (pages shared by processes are divided among them) of the master and two workers, after 50 requests.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from app.migrations.command import migrate
from app.migrations.report import PlainReport
from bench.report import write_section
from dev.postgres import EmbeddedPostgres
from tests.support.service import PRODUCTION, ROOT, free_port

WORKERS = 2
REQUESTS = 50
IDLE_ROUNDS = 5
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds to the first answer, MiB at rest."""

    seconds: float
    mebibytes: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        migrate(postgres.url(), report=PlainReport(sys.stdout), wait=30)
        ours: list[Start] = []
        bare: list[Start] = []
        for number in range(rounds + 1):
            pair = (_start_ours(postgres.url()), _start_bare())
            print(f"round {number} of {rounds}: {pair}", flush=True)
            if number:  # the first warms caches
                ours.append(pair[0])
                bare.append(pair[1])
    write_section("startup", _table(ours, bare))


def _start_ours(database_url: str) -> Start:
    environ = {**PRODUCTION, "DATABASE_URL": database_url, "WEB_CONCURRENCY": str(WORKERS)}
    return _measure([str(ROOT / "bin" / "start")], environ)


def _start_bare() -> Start:
    gunicorn = [sys.executable, "-P", "-m", "gunicorn", "--worker-class", "gthread", "--threads", "8"]
    options = ["--workers", str(WORKERS), "--no-control-socket", "--log-level", "error"]
    return _measure([*gunicorn, *options, "bench.bare:app"], {"PYTHONPATH": str(ROOT)})


def _measure(command: list[str], environ: Mapping[str, str]) -> Start:
    port = free_port()
    bind = ["--bind", f"127.0.0.1:{port}"] if "gunicorn" in command else []
    began = time.perf_counter()
    with _running([*command, *bind], {**environ, "PORT": str(port)}) as process:
        while not _answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            time.sleep(0.002)
        seconds = time.perf_counter() - began
        for _ in range(REQUESTS):
            _answers(port)
        _settle(process.pid)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        return Start(seconds, sum(member.memory_full_info().pss for member in family) / MIB)


@contextmanager
def _running(command: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    clean = {"PATH": os.environ["PATH"], **environ}
    process = subprocess.Popen(command, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _settle(pid: int) -> None:
    """Returns when master and workers have been idle for a moment: all have booted."""
    idle_rounds, before = 0, -1.0
    while idle_rounds < IDLE_ROUNDS:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        used = sum(sum(member.cpu_times()[:2]) for member in family)
        idle_rounds = idle_rounds + 1 if used == before and len(family) > WORKERS else 0
        before = used
        time.sleep(0.1)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return bool(response.status == 200)  # noqa: PLR2004  # HTTP's
    except (URLError, ConnectionError):
        return False


def _table(ours: list[Start], bare: list[Start]) -> str:
    rows = [
        ("start-up, s", [start.seconds for start in ours], [start.seconds for start in bare]),
        ("memory, MiB", [start.mebibytes for start in ours], [start.mebibytes for start in bare]),
    ]
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}: {len(ours)} rounds in turn. Median (lowest to highest).",
        f"Python {platform.python_version()}, {WORKERS} workers, {os.cpu_count()} CPUs.",
        "",
        "| | `bin/start` | bare Falcon app, same gunicorn | ratio |",
        "|---|---|---|---|",
    ]
    for name, mine, theirs in rows:
        ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
        lines.append(f"| {name} | {_spread(mine)} | {_spread(theirs)} | {ratio:.2f} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
