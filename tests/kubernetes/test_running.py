"""The service runs with the variables of ops/kubernetes/, and answers what the cluster asks."""

import pytest
import requests

from tests.kubernetes.manifests import PAGE, SETTINGS, container_of, of_kind, secrets_of
from tests.support.original import OriginalService
from tests.support.pages import Block, Command
from tests.support.service import Process

SECRET_ENV = PAGE.blocks("ini")
PENDING = 5


@pytest.mark.parametrize("block", SECRET_ENV, ids=str)
def test_a_replica_serves_once_the_job_has_run(block: Block, empty_database_url: str) -> None:
    given = {**secrets_of(block), **SETTINGS, "DATABASE_URL": empty_database_url}
    early = OriginalService(given)
    try:
        assert early.wait() == PENDING
    finally:
        early.kill()
    assert f"exit code {PENDING}" in PAGE.text

    run(container_of("Job")["command"], given)
    service = OriginalService(given)
    try:
        service.wait_until_serving()
        container = container_of("Deployment")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            assert requests.get(f"{service.url}{path}", timeout=5).status_code == 200, probe
        [endpoint] = of_kind("ServiceMonitor")["spec"]["endpoints"]
        metrics = requests.get(f"{service.url}{endpoint['path']}", timeout=5)
        assert "http_requests_total" in metrics.text
        run(container_of("CronJob")["command"], given)
    finally:
        service.kill()


def run(command: list[str], environ: dict[str, str]) -> None:
    process = Process(*command, environ=environ)
    try:
        assert process.wait() == 0, process.output
    finally:
        process.kill()


@pytest.mark.parametrize("command", PAGE.commands(), ids=str)
def test_what_the_page_asks_the_service_has_a_path(command: Command) -> None:
    path = container_of("Deployment")["startupProbe"]["httpGet"]["path"]
    assert f"https://api.example.com{path}" in command.line
    assert command.shown == '{"status":"ok","checks":{"database":"ok","migrations":"ok"}}'
