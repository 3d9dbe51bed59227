"""Replicas behind the proxy of ops/compose.yaml, and where the results go."""

from collections.abc import Callable, Iterator

import pytest

from tests.chaos.recording import Recording
from tests.support.service import Service
from tests.support.workers import wait_for_workers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write what tests/chaos saw to its results.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/chaos/" in item.path.as_posix():
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def recording(pytestconfig: pytest.Config) -> Iterator[Recording]:
    recording = Recording()
    yield recording
    # Without a path on the command line pytest reads this file too late for the option.
    if pytestconfig.getoption("--record", default=False):
        recording.write()


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """Two workers, all of them ready."""
    [service] = start(make_service, 1)
    return service


@pytest.fixture
def replicas(make_service: Callable[..., Service]) -> list[Service]:
    """Two services, all of whose workers are ready."""
    return start(make_service, 2)


def start(make_service: Callable[..., Service], count: int) -> list[Service]:
    services = [make_service(WEB_CONCURRENCY="2") for _ in range(count)]
    for service in services:
        service.wait_until_serving()
        wait_for_workers(service, 2)
    return services
