"""A purge among many sessions, while they are checked; writes docs/benchmarks.md.

    bin/python -m bench.purge [--sessions 10000000] [--expired 1000000]

`bin/sessions purge` deletes what has expired, while checks go on and a watcher looks for waits and open
transactions every 5 milliseconds. A check is `find_session` over one connection, with tokens taken
at random.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from app.accounts.lifetimes import IDLE_LIMIT, SLIDE_INTERVAL
from app.database.pool import Database
from app.database.queries import Queries
from app.telemetry.metrics import Metrics
from bench.databases import migrate_quietly
from bench.lock_watcher import LockWatcher
from bench.report import write_section
from bench.session_tables import fill, live_hashes
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import PRODUCTION, ROOT

SECRET = PRODUCTION["SESSION_SECRET"]
HASHES = 100_000
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
    text = table(options.sessions, purge)
    if options.sessions == parser.get_default("sessions"):
        write_section("purge", text)
    else:
        print(text)


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
    database = Database(url=url, metrics=Metrics(CollectorRegistry()), pool_max=1)
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


def table(sessions: int, purge: Purge) -> str:
    """The result as Markdown."""
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} CPUs.",
        "",
        f"| purge of {purge.deleted:,} of {sessions:,} sessions | | target |",
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


if __name__ == "__main__":
    main()
