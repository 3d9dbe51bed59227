"""What one session to a billion take, computed from bench/run's figures; writes docs/scaling.md.

    bin/python -m bench.scale [--results FILE] [--page FILE]

The size of a session comes from a PostgreSQL that this command starts and fills.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median

import psycopg

from bench.databases import fill, migrate_quietly
from bench.report import PAGE, write_section
from bench.results import FILE, Results, column
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import PRODUCTION

SCALING = PAGE.parent / "scaling.md"
SIZES = tuple(10**power for power in (0, 3, 5, 6, 7, 8, 9))
SAMPLE = 100_000
SECONDS_BETWEEN_CHECKS = 10_000
"""Of one session, at the busiest hour: nine checks a day."""
CHECKS_A_VISIT = 10
"""Within five minutes: the first writes last_seen_at, and with tokens it is the only one."""
USED = 0.25
"""How much of a CPU the sizes count on, as the table of sizes in docs/scaling.md does."""
CONNECTIONS_A_REPLICA = 2 * 4
"""WEB_CONCURRENCY and DB_POOL_MAX."""
GIGABYTES_A_CPU = 8
"""Memory that a database server has for each CPU; the table of sessions shall fit."""
PAGE_BYTES = 8192
CHECKPOINT_SECONDS = 300
"""PostgreSQL's default. Between two checkpoints each changed page is logged whole once."""
REPLICA_DOLLARS = 25
DATABASE_DOLLARS = 50
GIGABYTE_DOLLARS = 0.12
"""What a CPU, a CPU with its memory and a GB of disk cost a month; the database has a standby."""


class NoFiguresError(Exception):
    """The file lacks what the table is computed from; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the table is computed from.

    Attributes:
        checks: session checks a second of one CPU.
        database: microseconds that PostgreSQL and the way to it take for one, at most.
        bytes: of one session, with its index entries.
        indexes: of the table of sessions.
        date: of the check's figures.
    """

    checks: float
    database: float
    bytes: float
    indexes: int
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What so many sessions take. `log` is MB of write-ahead log a second, `dollars` are a month's."""

    sessions: int
    checks: float
    replicas: int
    connections: int
    cpus: int
    gigabytes: float
    log: float
    dollars: float

    def steps(self) -> list[str]:
        """Those of STEPS that it takes."""
        return [title for title, is_taken in STEPS.items() if is_taken(self)]


MANY_CONNECTIONS = 200
MANY_CHECKS = 10_000
MUCH_MEMORY = 32
"""GB of a table beyond which VACUUM and the purge read it from the disk."""
MUCH_LOG = 200
"""MB a second that one server's disk and standby still take."""
MOST_CPUS = 128
STEPS: dict[str, Callable[[Need], bool]] = {
    "replicas": lambda need: need.replicas > 1,
    "PgBouncer": lambda need: need.connections > MANY_CONNECTIONS,
    "a larger PostgreSQL": lambda need: need.cpus > 1,
    "tokens": lambda need: need.checks >= MANY_CHECKS,
    "partitions": lambda need: need.gigabytes > MUCH_MEMORY,
    "a distributed PostgreSQL": lambda need: need.log > MUCH_LOG or need.cpus > MOST_CPUS,
}
"""Each step, and from when on it pays. docs/scaling.md says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results", type=Path, default=FILE, help="bench/run's (default .data/bench/results.json)"
    )
    parser.add_argument(
        "--page", type=Path, default=SCALING, help="where the table goes (default docs/scaling.md)"
    )
    options = parser.parse_args(arguments)
    try:
        checks, database, date = figures(Results.read(options.results))
    except NoFiguresError as error:
        print(f"bench.scale: {options.results}: {error}", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(fresh_database(stack.enter_context(EmbeddedPostgres(folder))))
        migrate_quietly(url)
        size, indexes = session_size(url, SAMPLE)
    measured = Measured(checks=checks, database=database, bytes=size, indexes=indexes, date=date)
    write_section("scale", table(measured), options.page)
    return 0


def figures(results: Results) -> tuple[float, float, str]:
    """Checks a second of a CPU, the database's microseconds for one, and when they were measured.

    Raises:
        NoFiguresError: the session case was not measured.
    """
    case = results.comparison.get("session", {})
    if not {"ours", "loop"} <= case.keys():
        raise NoFiguresError("it has no figures of the session case; type bench/run --only session")
    database = [1_000_000 / figures["per_second"] - figures["cpu"] for figures in case["loop"]]
    return median(column(case["ours"], "per_second")), median(database), results.dates["session"]


def session_size(url: str, sessions: int) -> tuple[float, int]:
    """Bytes that a session takes with its index entries, and the number of indexes.

    Args:
        url: of a migrated database without sessions.
        sessions: how many to make.
    """
    fill(url, sessions=sessions, expired=1, secret=PRODUCTION["SESSION_SECRET"])
    query = """
        SELECT pg_total_relation_size('sessions'), count(*)
        FROM pg_index WHERE indrelid = 'sessions'::regclass
    """
    with psycopg.connect(url) as connection:
        [(size, indexes)] = connection.execute(query).fetchall()
    return size / sessions, indexes


def need(measured: Measured, sessions: int, *, with_tokens: bool = False) -> Need:
    """What so many live sessions take, at the busiest hour."""
    visits = sessions / SECONDS_BETWEEN_CHECKS / CHECKS_A_VISIT
    checks = visits * (1 if with_tokens else CHECKS_A_VISIT)
    # A quarter of one CPU's checks fits a single replica; from then on one is to spare.
    busy = ceil(checks / (measured.checks * USED))
    replicas = busy + 1 if checks > 1 else 1
    gigabytes = sessions * measured.bytes / 1e9
    cpus = max(1, ceil(checks * measured.database / 1e6 / USED), ceil(gigabytes / GIGABYTES_A_CPU))
    # Moving last_seen_at, which is indexed, changes a page of the table and one of each index.
    pages = min(visits * (1 + measured.indexes), sessions * measured.bytes / PAGE_BYTES / CHECKPOINT_SECONDS)
    return Need(
        sessions=sessions,
        checks=checks,
        replicas=replicas,
        connections=replicas * CONNECTIONS_A_REPLICA,
        cpus=cpus,
        gigabytes=gigabytes,
        log=pages * PAGE_BYTES / 1e6,
        dollars=replicas * REPLICA_DOLLARS + 2 * (cpus * DATABASE_DOLLARS + gigabytes * GIGABYTE_DOLLARS),
    )


def table(measured: Measured) -> str:
    """A row for each size, with the steps that are new there; another where tokens begin to pay."""
    titles = (
        "sessions, checks a second, replicas, connections, database CPUs, GB, log MB/s, $ a month, new here"
    )
    lines = [
        f"Measured {measured.date}: one CPU checks {measured.checks:,.0f} sessions a second;",
        f"PostgreSQL takes {measured.database:,.0f} µs for one at most;",
        f"a session takes {measured.bytes:,.0f} bytes, with {measured.indexes} indexes.",
        "",
        f"| {titles.replace(', ', ' | ')} |",
        "|---" * 9 + "|",
    ]
    taken: set[str] = set()
    for size in SIZES:
        found = need(measured, size)
        new = [step for step in found.steps() if step not in taken]
        taken.update(new)
        lines.append(_row(found, f"{size:,}", ", ".join(new)))
        if "tokens" in found.steps():
            lines.append(_row(need(measured, size, with_tokens=True), "with tokens", ""))
    return "\n".join(lines)


def _row(found: Need, title: str, new: str) -> str:
    cells = [
        title,
        f"{found.checks:,.0f}" if found.checks >= 1 else "under 1",
        f"{found.replicas:,}",
        f"{found.connections:,}",
        f"{found.cpus:,}",
        f"{found.gigabytes:,.0f}" if found.gigabytes >= 1 else "under 1",
        f"{found.log:,.0f}" if found.log >= 1 else "under 1",
        f"{found.dollars:,.0f}",
        new,
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
