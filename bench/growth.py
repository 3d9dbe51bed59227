"""Measures how this service's figures change as its data, its load or its workers grow."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from bench import cores
from bench.cases import ORIGIN, UNLIMITED
from bench.comparison import ask, measured_with_retry
from bench.databases import fill, live_tokens, migrate_quietly
from bench.limiter import decision_figures
from bench.migrations import migration_figures
from bench.peers.contract import COOKIE
from bench.progress import Progress
from bench.results import Figures, Results
from bench.servers import PROXIED, Server, running
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.service import PRODUCTION

PATH = "/auth/session"
TOKENS = 10_000
EXPIRED_SHARE = 10
"""One of so many sessions has expired."""
SIZES: dict[str, tuple[int, ...]] = {
    "sessions": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    "connections": (1, 2, 4, 8, 16, 32, 64),
    "workers": (1, 2, 4, 8),
    "keys": (10, 100, 1_000, 10_000, 100_000, 1_000_000),
    "migrations": (1, 10, 100, 1_000),
}
QUICK_SIZES: dict[str, tuple[int, ...]] = {
    "sessions": (1_000, 10_000),
    "connections": (1, 64),
    "workers": (1, 2),
    "keys": (10, 1_000),
    "migrations": (1, 10),
}
FILL_WEIGHT = 1 / 400_000
"""What making one session weighs, when one measurement weighs 1."""

Measure = AbstractContextManager[Callable[[int], Figures]]
"""Prepares something and gives a function that measures a size."""


class Growth:
    """Measures the parts. Each round of a part goes through all of its sizes.

    Args:
        ours: this service.
        postgres: a running PostgreSQL.
        seconds: how long each measurement lasts.
        sizes: the sizes of each part.
    """

    def __init__(
        self, ours: Server, postgres: EmbeddedPostgres, *, seconds: int, sizes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._ours = ours
        self._postgres = postgres
        self._seconds = seconds
        self._sizes = sizes

    def weight(self, part: str, rounds: int) -> float:
        """How long a part takes, counted in measurements."""
        making = sum(self._sizes[part]) * FILL_WEIGHT if part == "sessions" else 0
        return rounds * len(self._sizes[part]) + making

    def run(self, part: str, results: Results, *, rounds: int, progress: Progress) -> None:
        """Replaces the results of this part."""
        measures: dict[str, Callable[[], Measure]] = {
            "sessions": self._by_sessions,
            "connections": self._by_connections,
            "workers": self._by_workers,
            "keys": lambda: nullcontext(decision_figures),
            "migrations": partial(migration_figures, self._postgres),
        }
        sizes = self._sizes[part]
        results.growth[part] = {}
        making = self.weight(part, 0)
        if making:
            progress.begin(f"making {sum(sizes):,} sessions", weight=making)
        with measures[part]() as measure:
            for number in range(rounds):
                for size in sizes:
                    progress.begin(f"round {number + 1} of {rounds}: {size:,} {part}")
                    figures = measured_with_retry(partial(measure, size))
                    results.growth[part].setdefault(str(size), []).append(figures)

    @contextmanager
    def _by_sessions(self) -> Iterator[Callable[[int], Figures]]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            databases: dict[int, str] = {}
            cores.use_all(self._postgres.pid)
            for size in self._sizes["sessions"]:
                url = databases[size] = stack.enter_context(fresh_database(self._postgres))
                migrate_quietly(url)
                expired = size // EXPIRED_SHARE
                fill(url, sessions=size, expired=expired, secret=PRODUCTION["SESSION_SECRET"])
                tokens = live_tokens(sessions=size, expired=expired, count=TOKENS)
                (folder / str(size)).write_text("".join(f"{COOKIE}={token}\n" for token in tokens))
            cores.use_load_core(self._postgres.pid)
            script = Path(__file__).parent / "random_session.lua"

            def measure(size: int) -> Figures:
                with running(self._ours, database_url=databases[size], rate_limit=UNLIMITED) as service:
                    return ask(
                        service,
                        PATH,
                        headers=PROXIED | ORIGIN,
                        seconds=self._seconds,
                        script=(script, folder / str(size)),
                    )

            yield measure

    @contextmanager
    def _by_connections(self) -> Iterator[Callable[[int], Figures]]:
        with self._signed_in() as (url, headers):

            def measure(size: int) -> Figures:
                with running(self._ours, database_url=url, rate_limit=UNLIMITED) as service:
                    return ask(service, PATH, headers=headers, seconds=self._seconds, connections=size)

            yield measure

    @contextmanager
    def _by_workers(self) -> Iterator[Callable[[int], Figures]]:
        with self._signed_in() as (url, headers):

            def measure(size: int) -> Figures:
                with running(
                    self._ours, database_url=url, rate_limit=UNLIMITED, WEB_CONCURRENCY=str(size)
                ) as service:
                    service.settled_mebibytes()
                    return ask(service, PATH, headers=headers, seconds=self._seconds)

            yield measure

    @contextmanager
    def _signed_in(self) -> Iterator[tuple[str, dict[str, str]]]:
        with fresh_database(self._postgres) as url:
            migrate_quietly(url)
            yield url, {**PROXIED, **ORIGIN, "Cookie": insert_live_session(url)["Cookie"]}
