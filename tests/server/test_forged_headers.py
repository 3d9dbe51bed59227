"""Headers that a proxy would tell gunicorn things with: nobody tells this service anything with them."""

import json
import socket
from collections.abc import Iterator

import pytest

from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.service import Service

ENVIRONS = [
    {},
    {"FORWARDED_ALLOW_IPS": "*"},
    {"FORWARDED_ALLOW_IPS": "*", "GUNICORN_CMD_ARGS": "--http-parser python"},
    {"GUNICORN_CMD_ARGS": "--forwarded-allow-ips *"},
]


@pytest.fixture(scope="module", params=ENVIRONS, ids=lambda environ: " ".join(environ.values()) or "usual")
def service(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[Service]:
    """Asked from this machine, whom gunicorn would trust by itself."""
    with fresh_database(postgres, template=TEMPLATE) as url:
        service = Service(database_url=url, WEB_CONCURRENCY="1", **request.param)
        try:
            service.wait_until_serving()
            yield service
        finally:
            service.kill()


def ask(service: Service, path: str, *headers: str) -> tuple[int, str]:
    """Status and body."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("header", ["SCRIPT_NAME: /zzz", "Script_Name: /zzz", "PATH_INFO: /metrics"])
def test_a_header_leads_to_no_other_path(service: Service, header: str) -> None:
    status, body = ask(service, "/zzz/metrics", header)
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    assert ask(service, "/health", header)[0] == 200


def test_headers_that_disagree_about_the_scheme_are_no_fault(service: Service) -> None:
    assert ask(service, "/", "X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")[0] == 200
