"""A new version, with a migration that extends the schema, takes the old one's place under load."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.compose_proxy import ComposeProxy
from tests.support.service import ROOT, Service, clean_environ
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

EXPAND = "ALTER TABLE users ADD COLUMN locale text;\n"
IS_APPLIED = "SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'locale'"
RETRYING = ("lb_try_duration", "lb_try_interval", "fail_duration")


@pytest.fixture
def new_version(tmp_path: Path) -> str:
    """The `bin/start` of a copy that has one migration more."""
    root = tmp_path / "new"
    for name in ("app", "bin", "sql"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "setup.cfg", root)
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / "sql" / "migrations" / "9000_add_users_locale.sql").write_text(EXPAND)
    return str(root / "bin" / "start")


def wait_until_healthy(service: Service) -> None:
    """As its container's health check finds it."""

    def is_healthy() -> bool:
        assert service.is_running, service.output
        environ = clean_environ({"PORT": str(service.port)})
        return subprocess.run([ROOT / "bin" / "healthcheck"], env=environ, check=False).returncode == 0

    until(is_healthy, seconds=30, what="the health check")


def start_two(make_service: MakeService) -> list[Service]:
    services = [make_service(WEB_CONCURRENCY="2") for _ in range(2)]
    for service in services:
        wait_until_healthy(service)
        wait_for_workers(service, 2)
    return services


def stop(service: Service) -> None:
    service.signal(signal.SIGTERM)
    assert service.wait(30) == 0


def is_applied(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return bool(connection.execute(IS_APPLIED).fetchall())


@contextmanager
def replaced(
    serving: list[Service], database_url: str, folder: Path, recording: Recording, *, order: str
) -> Iterator[tuple[ComposeProxy, SteadyLoad]]:
    """A proxy before them and people asking it; by the end the migration is applied, and nobody noticed."""
    people = make_people(database_url)
    with (
        ComposeProxy([replica.port for replica in serving], folder=folder) as proxy,
        SteadyLoad(proxy.port, people) as load,
    ):
        load.run(2)
        yield proxy, load
    assert load.failed == []
    assert is_applied(database_url)
    lost = lost_rows(database_url, people)
    assert lost == []
    recording.result(f"two replicas replaced, {order}", load.answers, lost_rows=lost, recovered=None)


def test_each_new_replica_is_healthy_before_the_old_one_is_stopped(
    make_service: MakeService, new_version: str, database_url: str, tmp_path: Path, recording: Recording
) -> None:
    """As Coolify does: the proxy follows the containers."""
    serving = start_two(make_service)
    with replaced(serving, database_url, tmp_path, recording, order="new before old") as (proxy, load):
        for old in serving:
            new = make_service(WEB_CONCURRENCY="2", command=(new_version,))
            wait_until_healthy(new)
            serving = [new, *(replica for replica in serving if replica is not old)]
            proxy.point_at([replica.port for replica in serving])
            stop(old)
            load.run(2)


def test_a_replica_may_stop_before_the_new_one_starts_in_its_place(
    make_service: MakeService, new_version: str, database_url: str, tmp_path: Path, recording: Recording
) -> None:
    """As `docker compose up` does: the proxy finds out by itself."""
    serving = start_two(make_service)
    with replaced(serving, database_url, tmp_path, recording, order="old before new") as (_, load):
        for old in serving:
            stop(old)
            wait_until_healthy(make_service(WEB_CONCURRENCY="2", command=(new_version,), port=old.port))
            # docs/deploy-compose.md: `up --wait` returns when the health check has succeeded.
            load.run(2)


def test_without_the_proxys_second_try_requests_fail(
    make_service: MakeService, database_url: str, tmp_path: Path
) -> None:
    serving = start_two(make_service)
    ports = [replica.port for replica in serving]
    with (
        ComposeProxy(ports, folder=tmp_path, without=RETRYING) as proxy,
        SteadyLoad(proxy.port, make_people(database_url)) as load,
    ):
        load.run(1)
        stop(serving[0])
        until(lambda: load.failed, seconds=10, what="a failure")
    assert {answer.status for answer in load.failed} == {502}
