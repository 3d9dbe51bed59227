"""Migrations, and the service over them, behind PgBouncer in transaction mode."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.settings.places import MIGRATIONS_FOLDER
from dev.postgres import EmbeddedPostgres
from tests.conftest import WEBAPP
from tests.support.pages import Block, Page
from tests.support.person import Person
from tests.support.pgbouncer import PgBouncer
from tests.support.provider import OpenIDProvider, client_at
from tests.support.service import Process, Service

pytestmark = pytest.mark.full

POOL_SIZE = 3
"""Fewer than the sixteen threads of the service under test."""
PEOPLE = 24
SESSION_CHECKS = 20


@pytest.fixture(scope="module")
def pgbouncer(postgres: EmbeddedPostgres) -> Iterator[PgBouncer]:
    with PgBouncer(postgres, pool_size=POOL_SIZE) as pooler:
        yield pooler


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ordinary file, and one that cannot run in a transaction."""
    (tmp_path / "0001_create_things.sql").write_text("CREATE TABLE things (id bigint);", encoding="utf-8")
    (tmp_path / "0002_index_things.sql").write_text(
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY things_id_idx ON things (id);",
        encoding="utf-8",
    )
    return tmp_path


def run(*arguments: str, **environ: str) -> Process:
    process = Process("bin/migrate", *arguments, environ=environ)
    try:
        process.wait()
    finally:
        process.kill()
    return process


@pytest.fixture
def ordinary(tmp_path: Path) -> tuple[str, str]:
    """The options for a folder with those of the service's files that are ordinary."""
    for path in MIGRATIONS_FOLDER.glob("000[1-4]_*.sql"):
        shutil.copy(path, tmp_path)
    return "--folder", str(tmp_path)


def test_ordinary_files_work_through_it(
    pgbouncer: PgBouncer, ordinary: tuple[str, str], empty_database_url: str
) -> None:
    pooled = pgbouncer.in_front_of(empty_database_url)
    up = run(*ordinary, DATABASE_URL=pooled)
    assert up.wait() == 0, up.output
    assert run("check", *ordinary, DATABASE_URL=pooled).wait() == 0


def test_more_runners_than_server_connections_apply_each_file_once(
    pgbouncer: PgBouncer, ordinary: tuple[str, str], empty_database_url: str
) -> None:
    pooled = pgbouncer.in_front_of(empty_database_url)
    with ThreadPoolExecutor(POOL_SIZE * 2) as threads:
        runners = list(threads.map(lambda _: run(*ordinary, DATABASE_URL=pooled), range(POOL_SIZE * 2)))
    assert [runner.wait() for runner in runners] == [0] * len(runners), [r.output for r in runners]
    # They take turns, so more than one may have applied some.
    counts = [int(count) for runner in runners for count in re.findall(r"✅ Applied (\d+) ", runner.output)]
    assert sum(counts) == len(list(Path(ordinary[1]).iterdir()))


def test_a_file_without_transaction_is_refused_before_anything_runs(
    pgbouncer: PgBouncer, folder: Path, empty_database_url: str
) -> None:
    pooled = pgbouncer.in_front_of(empty_database_url)
    up = run("--folder", str(folder), DATABASE_URL=pooled)
    assert up.wait() == 78
    assert "0002_index_things.sql" in up.output
    assert "Set MIGRATE_DATABASE_URL to" in up.output
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('things')").fetchone() == (None,)


def test_a_file_without_transaction_works_with_migrate_database_url(
    pgbouncer: PgBouncer, folder: Path, empty_database_url: str
) -> None:
    urls = {
        "DATABASE_URL": pgbouncer.in_front_of(empty_database_url),
        "MIGRATE_DATABASE_URL": empty_database_url,
    }
    up = run("--folder", str(folder), **urls)
    assert up.wait() == 0, up.output
    assert "✅ Applied 2 migration(s):" in up.output
    assert run("check", "--folder", str(folder), **urls).wait() == 0


def test_what_a_file_sets_does_not_reach_the_poolers_next_client(
    pgbouncer: PgBouncer, tmp_path: Path, empty_database_url: str
) -> None:
    (tmp_path / "0001_set.sql").write_text("CREATE SCHEMA other; SET search_path = other;", encoding="utf-8")
    pooled = pgbouncer.in_front_of(empty_database_url)
    assert run("--folder", str(tmp_path), DATABASE_URL=pooled).wait() == 0
    with psycopg.connect(pooled, autocommit=True) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ('"$user", public',)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_the_service_works_with_fewer_server_connections_than_threads(
    pgbouncer: PgBouncer,
    provider: OpenIDProvider,
    database_url: str,
    make_service: Callable[..., Service],
    connection: psycopg.Connection[Any],
) -> None:
    provider.make_id_token = lambda claims: provider.signed(claims | _somebody_new(claims["nonce"]))
    service = make_service(
        APP_ENV="test",
        API_URL="http://localhost:3000",
        WEBAPP_URL=WEBAPP,
        **client_at(provider.issuer),
        DATABASE_URL=pgbouncer.in_front_of(database_url),
        MIGRATE_DATABASE_URL=database_url,
        WEB_CONCURRENCY="2",
        WEB_THREADS="8",
    )
    service.wait_until_serving()
    people = [Person(service.url, webapp=WEBAPP) for _ in range(PEOPLE)]
    with ThreadPoolExecutor(PEOPLE) as threads:
        visits = [threads.submit(person.visit, session_checks=SESSION_CHECKS) for person in people]
        faults = [fault for visit in visits if (fault := visit.exception())]
    for person in people:
        person.close()

    assert not faults, (faults[:3], service.output[-3000:])
    statuses = [status for person in people for status in person.statuses]
    assert len(statuses) >= PEOPLE * SESSION_CHECKS
    assert max(statuses) < 500
    assert not re.search(r"prepared statement|Database unavailable", service.output)
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (PEOPLE,)
    # Those that came through the pooler, which keeps them open; this test's own is named otherwise.
    pooled = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ).fetchone()
    assert pooled is not None
    assert 1 <= pooled[0] <= POOL_SIZE


@pytest.mark.parametrize("block", Page("configuration.md").blocks("sql"), ids=str)
def test_the_documented_limits_of_the_role_hold_and_migrations_lift_them(
    block: Block, postgres: EmbeddedPostgres, database_url: str
) -> None:
    lifted = re.search(r"\?(options=\S+)`", Page("configuration.md").text)
    assert lifted
    name = str(conninfo_to_dict(database_url)["dbname"])
    url = postgres.url(name, user="service")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE service LOGIN")
        try:
            admin.execute(block.text.encode())
            for address, limit in ((url, "4500ms"), (f"{url}&{lifted[1]}", "0")):
                with psycopg.connect(address) as connection:
                    assert connection.execute("SHOW statement_timeout").fetchone() == (limit,)
                    assert connection.execute("SHOW lock_timeout").fetchone() == ("3s",)
        finally:
            admin.execute("DROP ROLE service")


def _somebody_new(nonce: str) -> dict[str, str]:
    subject = hashlib.sha256(nonce.encode()).hexdigest()[:16]
    return {"sub": subject, "email": f"{subject}@example.com"}
