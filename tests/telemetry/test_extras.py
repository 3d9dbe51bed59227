"""The extras are off, and not even imported, until their variables are set."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.support.bare import make_bare_root
from tests.support.service import PRODUCTION, Process, Service, free_port
from tests.support.waiting import until

MakeService = Callable[..., Service]

PACKAGES = {"SENTRY_DSN": "sentry_sdk", "OTEL_EXPORTER_OTLP_ENDPOINT": "opentelemetry"}
VALUES = {
    "SENTRY_DSN": "http://public-key@127.0.0.1:9/42",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
}
EXTRAS = {"SENTRY_DSN": "sentry", "OTEL_EXPORTER_OTLP_ENDPOINT": "otel"}


def imports(service: Service, package: str) -> list[str]:
    """Python's own report of what was imported in any of the service's processes."""
    return [line for line in service.lines if re.match(rf"import time:.*\| +{package}(\.|$)", line)]


@pytest.mark.parametrize("variable", PACKAGES)
def test_a_package_is_imported_when_its_variable_asks_for_it(
    make_service: MakeService, variable: str
) -> None:
    reporting = {"PYTHONPROFILEIMPORTTIME": "1", "WEB_CONCURRENCY": "1"}
    with_it = make_service(**reporting, **{variable: VALUES[variable]})
    without = make_service(**reporting)
    for service in (with_it, without):
        service.wait_until_serving()
        assert imports(service, "falcon")
        assert requests.get(f"{service.url}/auth/session", timeout=5).status_code == 200
    assert imports(with_it, PACKAGES[variable])
    assert not [line for package in PACKAGES.values() for line in imports(without, package)]


@pytest.fixture(scope="module")
def bare_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bare_root(tmp_path_factory.mktemp("bare"), without=tuple(PACKAGES.values()))


@pytest.fixture
def start_bare(bare_root: Path, database_url: str) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(**environ: str) -> Process:
            settings = PRODUCTION | {"DATABASE_URL": database_url, "WEB_CONCURRENCY": "1"} | environ
            process = Process(str(bare_root / "bin" / "start"), environ=settings)
            stack.callback(process.kill)
            return process

        yield start


@pytest.mark.parametrize("variable", PACKAGES)
def test_a_variable_without_its_package_ends_the_start_with_the_way_out(
    start_bare: Callable[..., Process], variable: str
) -> None:
    process = start_bare(**{variable: VALUES[variable]})
    assert process.wait(20) == 78
    way_out = rf"{variable}: .*pip install .*\[{EXTRAS[variable]}\].* leave {variable} empty"
    assert re.search(way_out, process.output)
    assert "public-key" not in process.output


def test_without_the_variables_the_packages_are_not_needed(start_bare: Callable[..., Process]) -> None:
    port = str(free_port())
    process = start_bare(PORT=port)
    until(
        lambda: requests.get(f"http://127.0.0.1:{port}/auth/session", timeout=2).ok,
        seconds=20,
        what="the service",
    )
    assert process.is_running


@pytest.mark.parametrize(
    "dsn", ["sentry.io/1", "https://sentry.io/1", "https://secret-key@sentry.io/", "https://secret-key@[/1"]
)
def test_a_dsn_that_is_none_is_a_fault_of_the_configuration(make_service: MakeService, dsn: str) -> None:
    service = make_service(SENTRY_DSN=dsn)
    assert service.wait(20) == 78
    assert re.search(r"SENTRY_DSN: must look like https://key@", service.output)
    assert "secret-key" not in service.output
