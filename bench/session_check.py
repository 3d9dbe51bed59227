"""What a session check costs the worker, beside libpq alone; writes docs/benchmarks.md.

    bin/python -m bench.session_check [--rounds 9] [--checks 2000]

All run the service's statement in one process, in turns. libpq alone sends a hash to the prepared statement
and gets a binary row, which nobody reads. The service checks one session after the other, then as many at a
time as a busy worker does, so that they share statements.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry
from psycopg import pq

from app.accounts.credentials import Keyring
from app.accounts.sessions import Sessions
from app.database.connection import bytea_array
from app.database.pool import Database
from app.database.queries import Queries
from app.settings.places import QUERIES_FOLDER
from app.telemetry.metrics import Metrics
from app.waiting.hub import Hub
from bench import cores
from bench.databases import fill, live_tokens, migrate_quietly
from bench.report import measured_here, write_section
from bench.results import Spread
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.loop import Loop
from tests.support.service import PRODUCTION

SECRET = PRODUCTION["SESSION_SECRET"]
SESSIONS = 10_000
TARGET = 1.8
STATEMENT = (QUERIES_FOLDER / "find_session.sql").read_bytes().replace(b"%(token_hashes)s", b"$1")
MICROSECONDS = 1_000_000
AT_ONCE = 32


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--checks", type=int, default=2000, help="in a round")
    options = parser.parse_args()
    cores.go_to_server_core()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder))
        url = stack.enter_context(fresh_database(postgres))
        migrate_quietly(url)
        fill(url, sessions=SESSIONS, expired=1, secret=SECRET)
        tokens = live_tokens(sessions=SESSIONS, expired=1, count=options.checks)
        loop = Loop()
        check = _service_check(url, loop.hub, stack)
        look_up = _libpq_look_up(url)
        single: list[float] = []
        shared: list[float] = []
        for number in range(options.rounds + 1):
            alone, one, many = (
                _cost(look_up, tokens),
                _cost(check, tokens),
                _cost_together(check, tokens, loop),
            )
            if number:  # round 0 warms the caches
                single.append(one / alone)
                shared.append(many / alone)
    write_section(
        "session-check",
        f"{measured_here()} A session check takes {Spread.of(single).text(2)} times the CPU time of libpq's "
        f"statement (target: at most {TARGET}), and {Spread.of(shared).text(2)} times where {AT_ONCE} "
        "requests ask at once.",
    )


def _service_check(url: str, hub: Hub, stack: ExitStack) -> Callable[[str], object]:
    database = Database(url=url, metrics=Metrics(CollectorRegistry()), pool_max=1, hub=hub)
    database.open()
    stack.callback(database.close)
    return Sessions(queries=Queries(database), keyring=Keyring(SECRET)).find


def _libpq_look_up(url: str) -> Callable[[str], object]:
    keyring = Keyring(SECRET)
    connection = pq.PGconn.connect(url.encode())
    connection.prepare(b"look_up", STATEMENT)

    def look_up(token: str) -> object:
        result = connection.exec_prepared(b"look_up", [bytea_array([keyring.token_hash(token)])], [1], 1)
        return result if result.ntuples == 1 else None

    return look_up


def _cost(check: Callable[[str], object], tokens: list[str]) -> float:
    """Microseconds of this process's CPU time that a check takes."""
    began = time.process_time()
    for token in tokens:
        if check(token) is None:
            raise RuntimeError("a live session was not found")
    return (time.process_time() - began) / len(tokens) * MICROSECONDS


def _cost_together(check: Callable[[str], object], tokens: list[str], loop: Loop) -> float:
    """The same, of each check where AT_ONCE of them begin at the same time."""
    began = time.process_time()
    for first in range(0, len(tokens), AT_ONCE):
        loop.said.clear()
        asked = tokens[first : first + AT_ONCE]
        for token in asked:
            loop.start(partial(check, token))
        loop.run_until(lambda asked=asked: len(loop.said) == len(asked))  # type: ignore[misc]
        if None in loop.said:
            raise RuntimeError("a live session was not found")
    return (time.process_time() - began) / len(tokens) * MICROSECONDS


if __name__ == "__main__":
    main()
