"""The check of a session among many, and a purge beside it; writes docs/benchmarks.md.

    bin/python -m bench.sessions [--small 10000] [--large 10000000] [--expired 1000000] [--rounds 31]

The check is app.queries' find_session over one connection, with tokens taken at random, each used within the
last minutes, so that it only reads. The two databases are asked in turn, check by check. Then
`bin/sessions purge` deletes what has expired from the large one, while checks go on and a watcher looks for
waits and open transactions every 5 milliseconds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.database import Database
from app.metrics import Metrics
from app.migrations.command import migrate
from app.migrations.report import PlainReport
from app.queries import Queries
from app.sessions import IDLE_LIMIT, SLIDE_INTERVAL
from bench.lock_watcher import LockWatcher
from bench.report import write_section
from bench.session_tables import fill, live_hashes
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import ROOT

CHECKS = 1000
"""A round."""
SETTINGS = {"shared_buffers": "4GB", "max_wal_size": "8GB"}


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge did, after a list of live sessions: seconds throughout."""

    listing: float
    deleted: int
    seconds: float
    longest_batch: float
    longest_transaction: float
    longest_wait: float
    checks: Sequence[float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--expired", type=int, default=1_000_000, help="of the large number")
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    sizes = (options.small, options.large)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder, settings=SETTINGS))
        urls = [stack.enter_context(fresh_database(postgres)) for _ in sizes]
        expired = [size * options.expired // options.large for size in sizes]
        for url, size, past in zip(urls, sizes, expired, strict=True):
            migrate(url, report=PlainReport(sys.stdout), wait=30)
            fill(url, sessions=size, expired=past)
        tokens = [
            live_hashes(sessions=size, expired=past, count=CHECKS)
            for size, past in zip(sizes, expired, strict=True)
        ]
        rounds = measure_checks(urls, tokens, options.rounds)
        purge = measure_purge(
            urls[1], live_hashes(sessions=options.large, expired=options.expired, count=100 * CHECKS)
        )
    text = table(sizes, rounds, purge)
    if sizes == (parser.get_default("small"), parser.get_default("large")):
        write_section("sessions", text)
    else:
        print(text)


def measure_checks(urls: list[str], tokens: list[list[bytes]], rounds: int) -> list[list[float]]:
    """Seconds a check, for each database and round."""
    measured: list[list[float]] = [[] for _ in urls]
    with ExitStack() as stack:
        queries = [stack.enter_context(_queries(url)) for url in urls]
        for number in range(rounds + 1):
            # One here, one there: whatever else the machine does meets both.
            pairs = [
                [_check(asked, token) for asked, token in zip(queries, each, strict=True)]
                for each in zip(*tokens, strict=True)
            ]
            if number:  # the first warms caches, and moves last_seen_at
                for values, times in zip(measured, zip(*pairs, strict=True), strict=True):
                    values.append(statistics.median(times))
            print(f"round {number} of {rounds}: {[values[-1:] for values in measured]}", flush=True)
    return measured


def measure_purge(url: str, tokens: list[bytes]) -> Purge:
    """Deletes what has expired, while one caller checks sessions."""
    checks: list[float] = []
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    sessions = str(ROOT / "bin" / "sessions")
    began = time.perf_counter()
    subprocess.run([sessions, "list"], env=environ, stdout=subprocess.DEVNULL, check=True)
    listing = time.perf_counter() - began
    with _queries(url) as queries, LockWatcher(url, "bin/sessions purge") as watcher:
        _check(queries, tokens[0])
        began = time.perf_counter()
        process = subprocess.Popen([sessions, "purge", "--json"], env=environ, stdout=subprocess.PIPE)
        while process.poll() is None:
            checks.append(_check(queries, tokens[len(checks) % len(tokens)]))
        seconds = time.perf_counter() - began
        output = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"bin/sessions purge ended with {process.returncode}")
    said = json.loads(output)
    print(said, len(checks), watcher.samples, flush=True)
    return Purge(
        listing=listing,
        deleted=said["count"],
        seconds=seconds,
        longest_batch=said["longest_batch_ms"] / 1000,
        longest_transaction=watcher.transaction,
        longest_wait=watcher.wait,
        checks=checks,
    )


@contextmanager
def _queries(url: str) -> Iterator[Queries]:
    database = Database(url, Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    try:
        yield Queries(database)
    finally:
        database.close()


def _check(queries: Queries, token_hash: bytes) -> float:
    began = time.perf_counter()
    session = queries.find_session(
        token_hash=token_hash, previous_hash=None, idle_limit=IDLE_LIMIT, slide_interval=SLIDE_INTERVAL
    )
    seconds = time.perf_counter() - began
    if session is None:
        raise RuntimeError("a live session was not found")
    return seconds


def table(sizes: Sequence[int], rounds: list[list[float]], purge: Purge) -> str:
    """Both results as Markdown."""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    ratio = statistics.median(large / small for small, large in zip(*rounds, strict=True))
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, {machine}: {len(rounds[0])} rounds of {CHECKS:,} checks.",
        "Median of the rounds' medians (lowest to highest).",
        "",
        "| sessions in the table | a check, µs |",
        "|---|---|",
        *(f"| {size:,} | {_spread(values)} |" for size, values in zip(sizes, rounds, strict=True)),
        f"| ratio, target 1.10 at most | {ratio:.2f} |",
        "",
        f"| purge of {purge.deleted:,} of {sizes[1]:,} sessions | | target |",
        "|---|---|---|",
        f"| sessions a second | {purge.deleted / purge.seconds:,.0f} | |",
        f"| longest batch as the command saw it, ms | {1000 * purge.longest_batch:.0f} | 100 |",
        f"| longest transaction the watcher saw, ms | {1000 * purge.longest_transaction:.0f} | 100 |",
        f"| longest wait of anybody for a lock, ms | {1000 * purge.longest_wait:.0f} | 100 |",
        f"| a check meanwhile, median, ms | {1000 * statistics.median(purge.checks):.2f} | |",
        f"| slowest of {len(purge.checks):,} checks meanwhile, ms | {1000 * max(purge.checks):.0f} | |",
        f"| `bin/sessions list` before it, the whole process, s | {purge.listing:.1f} | |",
    ]
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    middle, low, high = (1e6 * figure for figure in (statistics.median(values), min(values), max(values)))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


if __name__ == "__main__":
    main()
