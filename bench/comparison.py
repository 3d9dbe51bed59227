"""Measures the cases: in each round, every case goes to its servers one after the other."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg

from app.settings.places import ROOT
from bench import cores
from bench.cases import CASES, TOO_MANY_REQUESTS, UNLIMITED, Case, check
from bench.progress import Progress
from bench.results import Figures, Results
from bench.servers import Running, Server, running
from bench.wrk import WrkError, load
from tests.support.live_session import insert_live_session
from tests.support.service import PRODUCTION

WARM_UP = 2
MICROSECONDS = 1_000_000
START = "start"
LOOP = "loop"
"""A psycopg loop, which is measured beside the servers in the signed-in case: bench/scale.py needs it."""
STARTED = ("ours", "falcon", "fastify", "fastapi", "flask")

Step = tuple[str, Case | None, str]
"""The name of a case or START, the case if it is one, and a server."""


class Comparison:
    """Measures cases with one database, in which one person is signed in.

    Args:
        servers: all servers, by name.
        database_url: of a migrated database.
        seconds: how long each measurement lasts.
    """

    def __init__(self, servers: Mapping[str, Server], database_url: str, *, seconds: int) -> None:
        self._servers = servers
        self._url = database_url
        self._seconds = seconds
        self._cookie = insert_live_session(database_url)["Cookie"]
        self._user = only_user(database_url)

    @staticmethod
    def steps(names: Sequence[str], number: int) -> list[Step]:
        """The steps of a round in their order. Odd rounds go through the servers in reverse."""
        found: list[Step] = []
        for case in CASES:
            if case.name in names:
                names_of_servers = [*case.servers, *([LOOP] if case.name == "session" else [])]
                found += [
                    (case.name, case, server) for server in names_of_servers[:: -1 if number % 2 else 1]
                ]
        if START in names:
            found += [(START, None, server) for server in STARTED[:: -1 if number % 2 else 1]]
        return found

    def run(self, names: Sequence[str], results: Results, *, rounds: int, progress: Progress) -> None:
        """Replaces the results of these cases."""
        for name in names:
            results.comparison[name] = {}
        for number in range(rounds):
            for name, case, server in self.steps(names, number):
                progress.begin(f"round {number + 1} of {rounds}: {name}, {server}")
                figures = measured_with_retry(partial(self._measure, case, server))
                results.comparison[name].setdefault(server, []).append(figures)

    def _measure(self, case: Case | None, server: str) -> Figures:
        if server == LOOP:
            return self._loop()
        limit = case.rate_limit if case else UNLIMITED
        with running(self._servers[server], database_url=self._url, rate_limit=limit) as service:
            if case is None:
                return {"start": service.start_seconds, "memory": service.settled_mebibytes()}
            check(case, server, service, cookie=self._cookie, user=self._user)
            return {"start": service.start_seconds, **self._ask(case, service)}

    def _ask(self, case: Case, service: Running) -> Figures:
        return ask(
            service,
            case.path,
            headers=case.headers_for(self._cookie),
            seconds=self._seconds,
            refused=case.status == TOO_MANY_REQUESTS,
            connections=case.connections,
        )

    def _loop(self) -> Figures:
        environ = {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self._url,
            "COOKIE": self._cookie,
            "SESSION_SECRET": PRODUCTION["SESSION_SECRET"],
        }
        output = subprocess.run(
            [sys.executable, "-P", "-m", "bench.peers.bare_loop", str(self._seconds)],
            env=environ,
            stdout=subprocess.PIPE,
            check=True,
            preexec_fn=cores.go_to_server_core,  # one system call
        ).stdout
        seen = json.loads(output)
        return {
            "per_second": seen["queries"] / seen["seconds"],
            "cpu": seen["cpu"] / seen["queries"] * MICROSECONDS,
            "busy": seen["cpu"] / seen["seconds"],
        }


def measured_with_retry(measure: Callable[[], Figures]) -> Figures:
    """Measures once more when wrk fails, because another program on the machine may be the reason.

    Raises:
        WrkError: wrk failed twice.
    """
    try:
        return measure()
    except WrkError as error:
        print(f"bench: measuring again, because {error}", file=sys.stderr)
        return measure()


def ask(
    service: Running,
    path: str,
    *,
    headers: Mapping[str, str],
    seconds: int,
    connections: int = 32,
    **options: Any,  # noqa: ANN401  # wrk.load's
) -> Figures:
    """Warms a running server up and measures it.

    Returns:
        per_second; p50 and p99 in milliseconds; cpu in microseconds a request, of all the server's processes;
        busy, the part of its core that the server used; memory in MiB at the end.
    """
    url = service.url + path
    load(url, seconds=min(WARM_UP, seconds), connections=connections, headers=headers, **options)
    before = service.cpu_seconds()
    seen = load(url, seconds=seconds, connections=connections, headers=headers, **options)
    used = service.cpu_seconds() - before
    return {
        "per_second": seen.per_second,
        "p50": seen.p50,
        "p99": seen.p99,
        "cpu": used / seen.requests * MICROSECONDS,
        "busy": used / seen.seconds,
        "memory": service.mebibytes(),
    }


def only_user(url: str) -> dict[str, Any]:
    """The only person in a database, as /auth/session shows them."""
    query = "SELECT jsonb_build_object('id', id, 'email', email, 'name', name, 'picture', picture) FROM users"
    with psycopg.connect(url) as connection:
        [(user,)] = connection.execute(query).fetchall()
    return dict(user)
