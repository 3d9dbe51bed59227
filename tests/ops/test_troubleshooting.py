"""Each message that docs/deploy-coolify-errors.md explains is what the service says under that fault."""

import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import StringIO
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg.conninfo import make_conninfo

from app.accounts.credentials import new_token
from app.commands.report import TextReport
from app.migrations.actions import up
from app.migrations.runner.lock import lock_key
from app.migrations.target import Target
from app.settings.places import MIGRATIONS_FOLDER
from dev.postgres import EmbeddedPostgres
from tests.support.bare import make_bare_root
from tests.support.original import USER, OriginalDatabase, OriginalService, create_original_database
from tests.support.pages import Page
from tests.support.service import Process, Service, free_port
from tests.support.small_disks import SHM, on_small_disks
from tests.support.waiting import until

Fault = Callable[[OriginalDatabase, ExitStack], Mapping[str, str]]
"""Brings the fault about, until the stack ends; returns the variables that differ."""

PAGE = Page("deploy-coolify-errors.md")
SECTIONS = ["The start ends", "The start waits", "It runs, and something is wrong"]


def listed(text: str) -> list[str]:
    """The messages that begin a list's lines; empty where a line begins with none."""
    return re.findall(r"^- (?:`([^`]+)`)?", text, re.MULTILINE)


ENDS = {
    message: int(code)
    for code, text in re.findall(
        r"^Exit code (\d+):(.+?)(?=^Exit code|\Z)", PAGE.section(SECTIONS[0]), re.MULTILINE | re.DOTALL
    )
    for message in listed(text)
}
WAITS = listed(PAGE.section(SECTIONS[1]))
RUNS = listed(PAGE.section(SECTIONS[2]))
FEW_CONNECTIONS = "8"
ELSEWHERE = "postgres://postgres@db:5432/postgres"


def says(text: str, message: str) -> bool:
    """Whether the page's message is in the text; its … stand for anything on that line."""
    return bool(re.search(".*".join(map(re.escape, message.split("…"))), text))


def variables(**changed: str) -> Fault:
    return lambda _database, _stack: changed


def statement(sql: str) -> Fault:
    """A fault that the superuser's statement makes."""

    def bring_about(database: OriginalDatabase, _stack: ExitStack) -> Mapping[str, str]:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(sql.encode())
        return {}

    return bring_about


def database_in_latin_1(database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    made = f"CREATE DATABASE {database.name}_latin1 TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'"
    statement(f"{made} LOCALE_PROVIDER libc")(database, stack)
    return {"DB_NAME": f"{database.name}_latin1"}


def taken_port(_database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return {"PORT": str(taken.getsockname()[1])}


def held_lock(database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    holder = stack.enter_context(psycopg.connect(database.url))
    holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
    return {}


def all_connections_taken(database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    with suppress(psycopg.OperationalError):
        while True:
            stack.enter_context(psycopg.connect(database.url))
    return {}


def table_in_use(database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    """Somebody reads the table that the second migration changes; the first is applied."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    shutil.copy(MIGRATIONS_FOLDER / "0001_create_user_and_session_tables.sql", folder)
    owner = make_conninfo(database.url, options=f"-c role={USER}")
    up(Target(url=owner, folder=folder, applied_by="a test", report=TextReport(StringIO()), wait=10))
    reader = stack.enter_context(psycopg.connect(database.url))
    reader.execute("SELECT FROM api_tokens")
    return {}


def edited_file(database: OriginalDatabase, stack: ExitStack) -> Mapping[str, str]:
    first = stack.enter_context(started(database, variables()))
    first.wait_until_serving()
    return statement("UPDATE schema_migrations SET checksum = 'x', raw_checksum = 'x'")(database, stack)


ENDING: dict[str, Fault] = {
    "SESSION_SECRET: required, and not set": variables(SESSION_SECRET=""),
    "SESSION_SECRET: Session secret must be at least 32 characters": variables(SESSION_SECRET="x" * 31),
    "DATABASE_URL: required (or DB_HOST, DB_USER, DB_PASSWORD and DB_NAME)": variables(
        DB_HOST="", DB_PORT="", DB_USER="", DB_PASSWORD="", DB_NAME=""
    ),
    "DATABASE_URL: must begin with postgresql://": variables(DATABASE_URL='"postgres://db/x"'),
    "DATABASE_URL: not a URL that PostgreSQL's libpq can read; % is written %25": variables(
        DATABASE_URL="postgres://postgres:100%safe@db:5432/postgres"
    ),
    "DATABASE_URL: libpq has no parameter …; take it out": variables(DATABASE_URL=f"{ELSEWHERE}?schema=app"),
    'DATABASE_URL: invalid sslmode value: "…"': variables(DATABASE_URL=f"{ELSEWHERE}?sslmode=no-verify"),
    "The database's encoding is …; this service needs one made with ENCODING 'UTF8'.": database_in_latin_1,
    "The database's search_path is '…', which names no schema that exists.": statement(
        "ALTER SCHEMA public RENAME TO elsewhere"
    ),
    "WEBAPP_URL: must begin with https:// in staging and production": variables(
        WEBAPP_URL="http://your-frontend-domain.com"
    ),
    "ALLOWED_ORIGINS: '…' must be an origin such as https://app.example.com, without a path": variables(
        ALLOWED_ORIGINS="https://app.example.com/home"
    ),
    "ALLOWED_ORIGINS: '*' would let any site act for a signed-in person; list exact origins": variables(
        ALLOWED_ORIGINS="*"
    ),
    "PORT: must be a whole number": variables(PORT="3000:3000"),
    'The database refuses the connection: … password authentication failed for user "…"': variables(
        DB_PASSWORD="another"  # a wrong one
    ),
    'The database refuses the connection: … database "…" does not exist': variables(DB_NAME="nowhere"),
    "The database refuses the connection: … server does not support SSL, but SSL was required": variables(
        DB_SSLMODE="require"
    ),
    '… relation "users" already exists (SQLSTATE 42P07)': statement(
        f"CREATE TABLE users (id int); ALTER TABLE users OWNER TO {USER}"
    ),
    "… permission denied for schema public (SQLSTATE 42501)": statement(
        "ALTER SCHEMA public OWNER TO postgres; REVOKE CREATE ON SCHEMA public FROM public"
    ),
    "… migration(s) pending:": variables(MIGRATE_ON_START="false"),
    "Connection in use: ('0.0.0.0', …)": taken_port,
}
WAITING: dict[str, Fault] = {
    "Waiting for the database: … Connection refused": lambda _database, _stack: {"DB_PORT": str(free_port())},
    "Waiting for the database: failed to resolve host '…': …": variables(DB_HOST="no-such-host.invalid"),
    "Waiting for the database: … sorry, too many clients already": all_connections_taken,
    "Waiting for another runner: pid …": held_lock,
    "A table is in use by others (…); trying … again in … s": table_in_use,
}
WARNED_OF: dict[str, Fault] = {
    "… was edited after it was applied on … by ….": edited_file,
    "API_URL … and WEBAPP_URL … do not look like the same site: …": variables(
        VITE_API_URL="https://api.elsewhere.com"
    ),
}
STAYS_AWAY = "No database after … s: …"
NO_ROOM = "No room for the metrics in …"
NO_PACKAGE = "SENTRY_DSN: needs a package that is not installed here; …"
LIMITED = "Rate limit exceeded. Please try again later."
NOT_ALLOWED = "origin_not_allowed"
AWAY = "database_unavailable"
NO_ANSWER = "No answer from 127.0.0.1 port …: …"


@pytest.fixture(scope="module")
def tcp_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedPostgres, int]]:
    """A server that asks for passwords and has few connections, and its port."""
    port = free_port()
    settings = {"fsync": "off", "max_connections": FEW_CONNECTIONS}
    with EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), port=port, settings=settings) as server:
        yield server, port


@pytest.fixture
def database(tcp_postgres: tuple[EmbeddedPostgres, int]) -> OriginalDatabase:
    server, port = tcp_postgres
    return create_original_database(server, port=port)


@contextmanager
def started(database: OriginalDatabase, fault: Fault) -> Iterator[Service]:
    """The service as the page sets it up, but for the fault."""
    with ExitStack() as stack:
        changed = fault(database, stack)
        service = OriginalService({**database.environ(), **changed})
        stack.callback(service.kill)
        yield service


def log(service: Service) -> str:
    return "\n".join(service.messages())


@pytest.mark.parametrize("message", ENDING)
def test_a_fault_ends_the_start_with_the_words_on_the_page(message: str, database: OriginalDatabase) -> None:
    with started(database, ENDING[message]) as service:
        assert service.wait(30) == ENDS[message]
        assert says(log(service), message)


@pytest.mark.full
def test_a_database_that_stays_away_ends_the_start_after_a_minute(database: OriginalDatabase) -> None:
    with started(database, variables(DB_PORT=str(free_port()))) as service:
        assert service.wait(90) == ENDS[STAYS_AWAY]
        assert says(log(service), STAYS_AWAY)


@pytest.mark.needs("namespaces")
def test_full_memory_ends_the_start_with_the_words_on_the_page(
    make_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = make_service(command=on_small_disks(tmp="64k", shm="64k", fill=(SHM,)), TMPDIR=str(tmp_path))
    assert service.wait(30) == ENDS[NO_ROOM]
    assert says(service.output, NO_ROOM)


def test_a_missing_package_ends_the_start_with_the_words_on_the_page(
    database: OriginalDatabase, tmp_path: Path
) -> None:
    root = make_bare_root(tmp_path, without=("sentry_sdk",))
    environ = {**database.environ(), "SENTRY_DSN": "https://key@sentry.example.com/1"}
    process = Process(str(root / "bin" / "start"), environ=environ)
    try:
        assert process.wait(20) == ENDS[NO_PACKAGE]
        assert says(process.output, NO_PACKAGE)
    finally:
        process.kill()


@pytest.mark.parametrize("message", WAITING)
def test_a_start_waits_with_the_words_on_the_page(message: str, database: OriginalDatabase) -> None:
    with started(database, WAITING[message]) as service:
        until(lambda: says(log(service), message), seconds=20, what=message)
        assert service.is_running


@pytest.mark.parametrize("message", WARNED_OF)
def test_a_running_service_warns_with_the_words_on_the_page(message: str, database: OriginalDatabase) -> None:
    with started(database, WARNED_OF[message]) as service:
        service.wait_until_serving()
        assert says(log(service), message)


def test_refusals_have_the_words_on_the_page(make_service: Callable[..., Service]) -> None:
    service = make_service(RATE_LIMIT="1/minute")
    service.wait_until_serving()
    url = f"{service.url}/auth/session"
    refused = [
        requests.get(url, headers={"Origin": "https://app.example.org"}, timeout=5),
        requests.get(url, timeout=5),
    ]
    assert [answer.status_code for answer in refused] == [403, 429]
    for answer, message in zip(refused, (NOT_ALLOWED, LIMITED), strict=True):
        assert says(answer.text, message)


def test_a_database_away_has_the_words_on_the_page(database: OriginalDatabase) -> None:
    with started(database, variables()) as service:
        service.wait_until_serving()
        with psycopg.connect(database.url.replace(database.name, "postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)".encode())
        cookie = {"Cookie": f"__Host-session={new_token()}"}
        answer = requests.get(f"{service.url}/auth/session", headers=cookie, timeout=10)
        assert answer.status_code == 503
        assert says(answer.text, AWAY)


def test_the_health_check_has_the_words_on_the_page() -> None:
    process = Process("bin/healthcheck", environ={"PORT": str(free_port())})
    try:
        assert process.wait(20) == 1
        assert says(process.output, NO_ANSWER)
    finally:
        process.kill()


def test_every_message_on_the_page_is_tested_here() -> None:
    assert re.findall(r"^##+ (.+)$", PAGE.text, re.MULTILINE) == [*SECTIONS, "The platform says"]
    assert not listed(PAGE.text.partition("\n## ")[0])
    assert len(listed(PAGE.section(SECTIONS[0]))) == len(ENDS)
    assert set(ENDS) == {*ENDING, STAYS_AWAY, NO_ROOM, NO_PACKAGE}
    assert set(WAITS) == set(WAITING)
    assert set(RUNS) == {*WARNED_OF, LIMITED, NOT_ALLOWED, AWAY, NO_ANSWER}
