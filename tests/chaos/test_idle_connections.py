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
QUICK = 3.0
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


def hold(
    cause: str, service: Service, port: int, database_url: str, recording: Recording, *, after: bytes = b""
) -> int:
    """A load beside the idle clients, and after them; how many connections the service had meanwhile."""
    pids = {worker.pid for worker in wait_for_workers(service, 2)}
    people = make_people(database_url)
    with SteadyLoad(port, people) as load:
        with idle_clients(port, after=after):
            load.run(HELD)
            connections = sum(len(worker.net_connections()) for worker in service.workers())
        recovered = load.seconds_to_recover(time.monotonic(), limit=RECOVERY_LIMIT)
    check(service, load, pids, recovered)
    lost = lost_rows(database_url, people)
    assert lost == []
    recording.result(cause, load.answers, lost_rows=lost, recovered=recovered)
    return connections


def test_two_thousand_silent_connections_hold_nobody_up(
    make_service: MakeService, database_url: str, recording: Recording
) -> None:
    command = ("/usr/bin/prlimit", f"--nofile={LINUX_DEFAULT}", str(ROOT / "bin" / "start"))
    service = make_service(WEB_CONCURRENCY="2", command=command)
    service.wait_until_serving()
    connections = hold("2,000 silent connections", service, service.port, database_url, recording)
    assert connections > CLIENTS / 2


def test_two_thousand_kept_connections_hold_nobody_up(
    service: Service, database_url: str, recording: Recording
) -> None:
    hold("2,000 kept connections", service, service.port, database_url, recording, after=REQUEST)


def test_the_proxy_keeps_idle_connections_to_itself(
    service: Service, database_url: str, tmp_path: Path, recording: Recording
) -> None:
    with ComposeProxy([service.port], folder=tmp_path) as proxy:
        cause = "2,000 silent connections, behind Caddy"
        connections = hold(cause, service, proxy.port, database_url, recording)
    # Those of the load's own, as far as the proxy keeps them.
    assert connections < 100
