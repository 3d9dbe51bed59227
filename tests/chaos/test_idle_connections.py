"""Two thousand clients that connect and say nothing, or ask once and keep the connection."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.limits import RECOVERY_LIMIT
from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.compose_proxy import ComposeProxy
from tests.support.open_files import allow_open_files
from tests.support.service import ROOT, Service
from tests.support.steady_load import SteadyLoad
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

CLIENTS = 2000
REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LINUX_DEFAULT = 1024
HELD = 4.0
"""Seconds."""
QUICK = 4.0
"""A full worker gives silent connections a second."""


@contextmanager
def idle_clients(port: int, *, after: bytes = b"") -> Iterator[None]:
    """So many connections at once, each of them after it has sent that much."""
    allow_open_files()
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            if after:
                client.sendall(after)
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        yield


def check(service: Service, load: SteadyLoad, pids: set[int], recovered: float) -> None:
    assert load.failed == []
    assert recovered < RECOVERY_LIMIT
    assert max(answer.ended_at - answer.sent_at for answer in load.answers) < QUICK
    assert {worker.pid for worker in service.workers()} == pids


def hold(service: Service, port: int, database_url: str, *, after: bytes = b"") -> tuple[SteadyLoad, float]:
    """A load beside the idle clients, and how long it took to recover from their end."""
    pids = {worker.pid for worker in wait_for_workers(service, 2)}
    people = make_people(database_url)
    with SteadyLoad(port, people) as load:
        with idle_clients(port, after=after):
            load.run(HELD)
        recovered = load.seconds_to_recover(time.monotonic(), limit=RECOVERY_LIMIT)
    check(service, load, pids, recovered)
    assert lost_rows(database_url, people) == []
    return load, recovered


def test_two_thousand_silent_connections_hold_nobody_up(
    make_service: MakeService, database_url: str, recording: Recording
) -> None:
    command = ("/usr/bin/prlimit", f"--nofile={LINUX_DEFAULT}", str(ROOT / "bin" / "start"))
    service = make_service(WEB_CONCURRENCY="2", command=command)
    service.wait_until_serving()
    load, recovered = hold(service, service.port, database_url)
    recording.result("2,000 silent connections", load.answers, lost_rows=[], recovered=recovered)


def test_two_thousand_kept_connections_hold_nobody_up(
    service: Service, database_url: str, recording: Recording
) -> None:
    load, recovered = hold(service, service.port, database_url, after=REQUEST)
    recording.result("2,000 connections kept open", load.answers, lost_rows=[], recovered=recovered)


def test_the_proxy_keeps_idle_connections_to_itself(
    service: Service, database_url: str, tmp_path: Path, recording: Recording
) -> None:
    with ComposeProxy([service.port], folder=tmp_path) as proxy:
        load, recovered = hold(service, proxy.port, database_url)
        # Those of the load's own, as far as the proxy keeps them.
        assert sum(len(worker.net_connections()) for worker in service.workers()) < 100
    recording.result("the same, behind Caddy", load.answers, lost_rows=[], recovered=recovered)
