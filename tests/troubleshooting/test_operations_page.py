"""Each message that docs/operations.md quotes is what the log says then."""

import re
import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest
import requests

from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.ops import test_troubleshooting as start_and_run
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.pages import Page
from tests.support.service import ROOT, Service
from tests.support.waiting import until

PAGE = Page("operations.md")
IS_TYPED = re.compile(r"bin/|docker |redis-cli |ALTER ")
TEXT = re.sub(r"^```.*?^```$", "", PAGE.text, flags=re.MULTILINE | re.DOTALL)
SPANS = re.findall(r"`([^`]+)`", " ".join(TEXT.split()))
QUOTED = sorted({span for span in SPANS if " " in span and not IS_TYPED.match(span)})
SAID_OF_A_START = (*start_and_run.ENDS, *start_and_run.WAITS)
"""On the page of deployment, where they are brought about."""
OURS = [span for span in QUOTED if not any(span in message for message in SAID_OF_A_START)]


def kill_a_worker(service: Service, _url: str) -> None:
    service.workers()[0].kill()


def stop(service: Service, _url: str) -> None:
    service.signal(signal.SIGTERM)
    assert service.wait(40) == 0


def suspend_a_worker(service: Service, _url: str) -> None:
    service.workers()[0].suspend()


def break_the_schema(service: Service, url: str) -> None:
    cookie = insert_live_session(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE sessions RENAME TO elsewhere")
    assert requests.get(f"{service.url}/auth/session", headers=cookie, timeout=10).status_code == 500


def take_a_table(service: Service, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE api_tokens RENAME TO elsewhere")
    until(lambda: ready_status(service) == 503, seconds=10, what="not ready")


def ready_status(service: Service) -> int:
    return requests.get(f"{service.url}/health/ready", timeout=10).status_code


def drop_the_database(service: Service, url: str) -> None:
    cookie = insert_live_session(url)
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url.replace(str(name), "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} ALLOW_CONNECTIONS false".encode())
    assert requests.get(f"{service.url}/auth/session", headers=cookie, timeout=10).status_code == 503


CAUSES: dict[str, Callable[[Service, str], None]] = {
    "was sent SIGKILL! Perhaps out of memory?": kill_a_worker,
    "Handling signal: term": stop,
    "WORKER TIMEOUT": suspend_a_worker,
    "Request error": break_the_schema,
    "Database unavailable": drop_the_database,
    "Readiness check failed": take_a_table,
}
ELSEWHERE = {"No room in /dev/shm": "tests/chaos/test_disk_full.py"}
"""What a start says that has no room, and who fills the memory."""
SLOW = ["WORKER TIMEOUT"]
"""It takes the minute that the page tells of."""


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres, template=TEMPLATE) as url:
        yield url


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(span, marks=pytest.mark.full if span in SLOW else ())
        for span in OURS
        if span not in ELSEWHERE
    ],
)
def test_the_log_says_what_the_page_quotes(
    message: str, url: str, make_service: Callable[..., Service]
) -> None:
    service = make_service(database_url=url, WEB_CONCURRENCY="1")
    service.wait_until_serving()
    until(service.workers, seconds=10, what="a worker")
    CAUSES[message](service, url)
    until(lambda: message in service.output, seconds=90, what=message)


def test_the_page_has_all_that_are_brought_about_here() -> None:
    assert set(OURS) == set(CAUSES) | set(ELSEWHERE)
    for message, test in ELSEWHERE.items():
        assert message in (ROOT / test).read_text(encoding="utf-8")
