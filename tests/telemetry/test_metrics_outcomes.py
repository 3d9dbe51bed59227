"""Sessions, sign-ins, the pool and the database, as they are counted."""

from collections.abc import Callable
from typing import Any

import psycopg
import requests
from psycopg.conninfo import conninfo_to_dict

from dev.postgres import EmbeddedPostgres
from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.provider import OpenIDProvider
from tests.support.scrape import Scrape, scrape
from tests.support.service import Service
from tests.support.visitor import Visitor
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]
MakeApp = Callable[..., Any]


def read(visitor: Visitor) -> Scrape:
    return Scrape.parse(visitor.get("/metrics").text)


def test_session_checks_are_counted_by_outcome(visitor: Visitor) -> None:
    visitor.get("/auth/session")
    assert read(visitor).value("session_checks_total") == 0, "no cookie is no check"
    visitor.cookies["session"] = "x"
    visitor.get("/auth/session")
    visitor.cookies["session"] = "x" * 43
    visitor.get("/auth/session")
    visitor.sign_in()
    visitor.get("/auth/session")
    visitor.get("/auth/session")
    found = read(visitor)
    counts = {
        outcome: found.value("session_checks_total", outcome=outcome)
        for outcome in ("live", "dead", "malformed", "unavailable")
    }
    assert counts == {"live": 2, "dead": 1, "malformed": 1, "unavailable": 0}


def test_sign_ins_are_counted_by_outcome(visitor: Visitor, provider: OpenIDProvider) -> None:
    visitor.sign_in()
    assert read(visitor).value("sign_ins_total", outcome="registration_pending") == 1
    visitor.post("/auth/register", json={})
    visitor.sign_in()
    visitor.get("/auth/callback/oidc?state=forged&code=x")
    found = read(visitor)
    assert found.value("sign_ins_total", outcome="registration_pending") == 1
    assert found.value("sign_ins_total", outcome="signed_in") == 1
    assert found.value("sign_ins_total", outcome="invalid_state") == 1
    assert found.value("sign_ins_total") == 3


def test_an_account_made_at_sign_in_counts_as_signed_in(make_app: MakeApp, provider: OpenIDProvider) -> None:
    visitor = Visitor(make_app(REGISTRATION="automatic"))
    visitor.sign_in()
    found = read(visitor)
    assert found.value("sign_ins_total") == found.value("sign_ins_total", outcome="signed_in") == 1


def test_the_pool_tells_its_size_and_what_waits_for_it(make_service: MakeService, database_url: str) -> None:
    service = make_service(DB_POOL_MAX="2", WEB_CONCURRENCY="1", WEB_THREADS="8")
    service.wait_until_serving()
    headers = insert_live_session(database_url)
    url = f"{service.url}/auth/session"
    assert requests.get(url, headers=headers, timeout=5).json()["authenticated"]
    # A thread reads the pool twice a second.
    until(lambda: scrape(service).value("database_pool_connections") == 1, seconds=5, what="the pool's size")
    quiet = scrape(service)
    assert quiet.value("database_pool_max_connections") == 2
    assert quiet.value("database_pool_waiting") == 0
    assert quiet.value("database_pool_wait_seconds_count") >= 1
    with psycopg.connect(database_url) as lock, Load(service.port, "/auth/tokens", fresh=5, headers=headers):
        lock.execute("LOCK TABLE api_tokens IN ACCESS EXCLUSIVE MODE")

        def is_busy() -> bool:
            found = scrape(service)
            in_use, size = (found.value(f"database_pool_connections{suffix}") for suffix in ("_in_use", ""))
            return in_use == size == 2 and found.value("database_pool_waiting") == 3

        until(is_busy, seconds=10, what="two connections in use and three requests waiting")
        lock.rollback()

    def is_idle() -> bool:
        found = scrape(service)
        return found.value("database_pool_waiting") == found.value("database_pool_connections_in_use") == 0

    until(is_idle, seconds=10, what="the end of the wait")


def test_the_database_and_its_migrations_are_looked_at_when_metrics_are_read(
    make_service: MakeService, database_url: str
) -> None:
    service = make_service()
    service.wait_until_serving()
    wait_for_workers(service, 2)

    def seen(name: str) -> float | None:
        found = scrape(service)
        return found.value(name) if found.has(name) else None

    until(lambda: seen("database_up") == 1, seconds=10, what="database_up")
    assert seen("migrations_pending") == 0
    applied = seen("migrations_applied")
    assert applied
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_migrations")
    until(lambda: seen("migrations_pending") == applied, seconds=10, what="migrations_pending")
    assert seen("migrations_applied") == 0


def test_a_database_that_goes_away_is_told(
    make_service: MakeService, database_url: str, postgres: EmbeddedPostgres
) -> None:
    service = make_service(WEB_CONCURRENCY="1")
    service.wait_until_serving()
    headers = insert_live_session(database_url)
    until(lambda: scrape(service).value("database_up") == 1, seconds=10, what="database_up")
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        answer = requests.get(f"{service.url}/auth/session", headers=headers, timeout=15)
        assert answer.status_code == 503
        until(lambda: scrape(service).value("database_up") == 0, seconds=10, what="database_up 0")
        away = scrape(service)
        assert away.value("database_outages_total") == 1
        assert away.value("session_checks_total", outcome="unavailable") == 1
        assert away.has("migrations_pending")
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    until(lambda: scrape(service).value("database_up") == 1, seconds=10, what="database_up 1")


def test_the_version_and_the_workers_are_told(make_service: MakeService) -> None:
    service = make_service(WEB_CONCURRENCY="2")
    service.wait_until_serving()
    wait_for_workers(service, 2)
    found = scrape(service)
    assert found.label_values("build_info", "version") == {"0.1.0"}
    assert found.value("build_info") == 1
    assert found.value("worker_processes") == found.value("worker_starts_total") == 2
