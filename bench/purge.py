"""What a purge of many sessions costs requests meanwhile; writes docs/benchmarks.md.

    bin/python -m bench.purge [--sessions 10000000] [--expired 1000000]

While `bin/sessions purge` deletes the expired sessions, one connection checks live sessions, chosen at
random, by the service's find_session. Every 5 ms a watcher looks for lock waits and open transactions.
PostgreSQL has 4 GB of shared buffers, which hold all of the data.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.database.pool import Database
from app.database.queries import Queries
from app.telemetry.metrics import Metrics
from bench.databases import fill, live_hashes, migrate_quietly
from bench.lock_watcher import LockWatcher
from bench.report import measured_here, write_section
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import PRODUCTION, ROOT

SECRET = PRODUCTION["SESSION_SECRET"]
HASHES = 100_000
TARGET = 100
"""Milliseconds."""
SETTINGS = {"shared_buffers": "4GB", "max_wal_size": "8GB"}


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge did. All times are in seconds; `listing` is that of `bin/sessions list` before it."""

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
    parser.add_argument("--sessions", type=int, default=10_000_000)
    parser.add_argument("--expired", type=int, default=1_000_000, help="of those")
    options = parser.parse_args()
    amounts = {"sessions": options.sessions, "expired": options.expired, "secret": SECRET}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder, settings=SETTINGS))
        url = stack.enter_context(fresh_database(postgres))
        migrate_quietly(url)
        fill(url, **amounts)
        purge = measure_purge(url, live_hashes(**amounts, count=HASHES))
    print(
        f"bin/sessions list before it: {purge.listing:.1f} s; "
        f"median of {len(purge.checks):,} checks: {1000 * statistics.median(purge.checks):.2f} ms"
    )
    text = summary(options.sessions, purge)
    if options.sessions == parser.get_default("sessions"):
        write_section("purge", text)
    else:
        print(text)


def measure_purge(url: str, token_hashes: list[bytes]) -> Purge:
    """Runs `bin/sessions purge`, and checks sessions one after the other until it ends."""
    checks: list[float] = []
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    sessions = str(ROOT / "bin" / "sessions")
    began = time.perf_counter()
    subprocess.run([sessions, "list"], env=environ, stdout=subprocess.DEVNULL, check=True)
    listing = time.perf_counter() - began
    with _queries(url) as queries, LockWatcher(url, "bin/sessions purge") as watcher:
        _check(queries, token_hashes[0])
        began = time.perf_counter()
        process = subprocess.Popen([sessions, "purge", "--json"], env=environ, stdout=subprocess.PIPE)
        while process.poll() is None:
            checks.append(_check(queries, token_hashes[len(checks) % len(token_hashes)]))
        seconds = time.perf_counter() - began
        output = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"bin/sessions purge ended with {process.returncode}")
    report = json.loads(output)
    print(report, f"{len(checks)} checks, {watcher.samples} looks of the watcher", flush=True)
    return Purge(
        listing=listing,
        deleted=report["count"],
        seconds=seconds,
        longest_batch=report["longest_batch_ms"] / 1000,
        longest_transaction=watcher.transaction,
        longest_wait=watcher.wait,
        checks=checks,
    )


@contextmanager
def _queries(url: str) -> Iterator[Queries]:
    database = Database(url=url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    try:
        yield Queries(database)
    finally:
        database.close()


def _check(queries: Queries, token_hash: bytes) -> float:
    began = time.perf_counter()
    session = queries.find_session(token_hash=token_hash)
    seconds = time.perf_counter() - began
    if session is None:
        raise RuntimeError("a live session was not found")
    return seconds


def summary(sessions: int, purge: Purge) -> str:
    """The result as the page says it."""
    batch, transaction, wait, check = (
        f"{1000 * seconds:.0f}"
        for seconds in (purge.longest_batch, purge.longest_transaction, purge.longest_wait, max(purge.checks))
    )
    return (
        f"{measured_here()} It deleted {purge.deleted:,} of {sessions:,} sessions, "
        f"{purge.deleted / purge.seconds:,.0f} a second. Longest batch: {batch} ms; "
        f"transaction: {transaction}; wait for a lock: {wait} (target: at most {TARGET}); "
        f"check of a session: {check}."
    )


if __name__ == "__main__":
    main()
