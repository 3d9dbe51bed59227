"""Memory by the number of workers, and the CPU time of a request with a session; writes docs/benchmarks.md.

    bin/python -m bench.workers [--rounds 5]

Memory is the proportional set size of master and workers after requests to all of them. CPU time is that of
master and workers, without PostgreSQL's, while eight clients ask for /auth/session over kept connections.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from app.migrations.command import migrate
from app.migrations.report import PlainReport
from bench.report import write_section
from dev.postgres import EmbeddedPostgres
from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.service import Service
from tests.support.waiting import until

WORKERS = (1, 2, 3, 4)
CLIENTS = 8
LOAD_SECONDS = 3.0
MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    memory: dict[int, list[float]] = {count: [] for count in WORKERS}
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        url = postgres.url()
        migrate(url, report=PlainReport(sys.stdout), wait=30)
        for number in range(rounds):
            for count in WORKERS:
                with _serving(url, count) as service:
                    cpu_microseconds = _cpu_of_a_request(service, url)
                    memory[count].append(_mebibytes(service))
                if count == 1:
                    cpu.append(cpu_microseconds)
            print(f"round {number + 1} of {rounds}", flush=True)
    write_section("workers", _table(memory, cpu))


@contextmanager
def _serving(url: str, workers: int) -> Iterator[Service]:
    service = Service(database_url=url, WEB_CONCURRENCY=str(workers))
    try:
        service.wait_until_serving()
        until(lambda: len(service.workers()) == workers, seconds=10, what=f"{workers} workers")
        yield service
    finally:
        service.kill()


def _family(service: Service) -> list[psutil.Process]:
    return [psutil.Process(service.pid), *service.workers()]


def _mebibytes(service: Service) -> float:
    return float(sum(member.memory_full_info().pss for member in _family(service)) / MIB)


def _cpu_of_a_request(service: Service, url: str) -> float:
    """Microseconds, the mean over LOAD_SECONDS."""
    with Load(service.port, "/auth/session", kept=CLIENTS, headers=insert_live_session(url)) as load:
        until(lambda: load.has_answered_all(since=0), seconds=10, what="an answer for every client")
        began, answered = _cpu_seconds(service), len(load.outcomes)
        time.sleep(LOAD_SECONDS)
        spent, answered = _cpu_seconds(service) - began, len(load.outcomes) - answered
    if load.statuses() != {200}:
        raise RuntimeError(f"answers were {load.statuses()}")
    return spent / answered * 1e6


def _cpu_seconds(service: Service) -> float:
    return sum(sum(member.cpu_times()[:2]) for member in _family(service))


def _table(memory: dict[int, list[float]], cpu: list[float]) -> str:
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} CPUs.",
        f"{len(cpu)} rounds. Median (lowest to highest).",
        "",
        "| | |",
        "|---|---|",
    ]
    for count, values in memory.items():
        lines.append(f"| memory with {count} worker{'s' if count > 1 else ''}, MiB | {_spread(values)} |")
    lines.append(f"| CPU µs of `GET /auth/session`, signed in | {_spread(cpu)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    main()
