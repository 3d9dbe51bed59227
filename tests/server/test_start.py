"""`bin/start` as deployments run it: what it says, what it refuses, and what it waits for."""

import re
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import requests

from app.migrations.runner.lock import lock_key
from app.settings.places import MIGRATIONS_FOLDER
from dev.postgres import EmbeddedPostgres
from tests.support.original import OriginalDatabase, OriginalService, create_original_database
from tests.support.service import ROOT, Process, Service, free_port
from tests.support.waiting import until

Start = Callable[[dict[str, str]], OriginalService]
Run = Callable[..., Process]

CHECKING = "🔍 Checking for pending migrations..."
FILES = [path.stem for path in sorted(MIGRATIONS_FOLDER.glob("*.sql"))]
APPLIED = f"✅ Applied {len(FILES)} migration(s):"
LISTED = [f"   - {name}" for name in FILES]
UP_TO_DATE = "✅ Database is up to date - no pending migrations"
COMPLETED = "✅ Migration check completed successfully"
RUNNING = "Server running"


@pytest.fixture(scope="module")
def tcp_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedPostgres, int]]:
    """A server that asks for passwords, and its port."""
    port = free_port()
    with EmbeddedPostgres(tmp_path_factory.mktemp("tcp"), port=port, settings={"fsync": "off"}) as server:
        yield server, port


@pytest.fixture
def database(tcp_postgres: tuple[EmbeddedPostgres, int]) -> OriginalDatabase:
    server, port = tcp_postgres
    return create_original_database(server, port=port)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `bin/start` with nothing but the given variables and PORT."""
    with ExitStack() as stack:

        def start(environ: dict[str, str]) -> OriginalService:
            service = OriginalService(environ)
            stack.callback(service.kill)
            return service

        yield start


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts any command with nothing but the given variables."""
    with ExitStack() as stack:

        def run(*command: str, environ: dict[str, str]) -> Process:
            process = Process(*command, environ=environ)
            stack.callback(process.kill)
            return process

        yield run


def said(service: Service, words: Collection[str]) -> list[str]:
    """Those of the words that the log has as whole messages, in the log's order."""
    return [message for message in service.messages() if message in words]


def wait_for_message(service: Service, words: str) -> None:
    until(lambda: any(words in message for message in service.messages()), seconds=20, what=words)


def end(service: Service) -> float:
    """Seconds from SIGTERM to the end, which has to be 143."""
    began = time.monotonic()
    service.signal(signal.SIGTERM)
    assert service.wait(20) == 143
    return time.monotonic() - began


def applied_migrations(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM schema_migrations ORDER BY version")]


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [
            row[0]
            for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]


def test_the_original_guides_variables_start_migrate_and_serve(
    start: Start, database: OriginalDatabase
) -> None:
    first = start(database.environ())
    first.wait_until_serving()
    wait_for_message(first, RUNNING)
    sentences = {CHECKING, APPLIED, *LISTED, UP_TO_DATE, COMPLETED, RUNNING}
    assert said(first, sentences) == [CHECKING, APPLIED, *LISTED, COMPLETED, RUNNING]
    assert [record["url"] for record in first.records() if record["message"] == RUNNING] == [
        f"http://localhost:{first.port}"
    ]
    for sentence in (CHECKING, APPLIED, COMPLETED):
        assert any(sentence in line for line in first.lines), "escaped: nobody could grep for it"
    answer = requests.get(f"{first.url}/health/ready", timeout=10)
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}

    second = start(database.environ())
    second.wait_until_serving()
    wait_for_message(second, RUNNING)
    assert said(second, sentences) == [CHECKING, UP_TO_DATE, COMPLETED, RUNNING]


def test_every_fault_is_listed_at_once(start: Start, database: OriginalDatabase) -> None:
    environ = database.environ() | {
        "DB_HOST": "",
        "DB_PORT": "five",
        "SESSION_SECRET": "x" * 31,
        "GOOGLE_CLIENT_ID": "",
        "ALLOWED_ORIGINS": "*",
        "WEBAPP_URL": "http://your-frontend-domain.com",
        "LOG_LEVEL": "loud",
        "WEB_CONCURRENCY": "two",
    }
    del environ["VITE_API_URL"]
    service = start(environ)
    assert service.wait(20) == 78
    [heading, *faults] = service.messages()
    assert heading == "The configuration is not valid:"
    assert [fault.partition(":")[0] for fault in faults] == [
        "ALLOWED_ORIGINS",
        "API_URL",
        "DB_HOST",
        "DB_PORT",
        "GOOGLE_CLIENT_ID",
        "LOG_LEVEL",
        "SESSION_SECRET",
        "WEBAPP_URL",
        "WEB_CONCURRENCY",
    ]
    assert "SESSION_SECRET: Session secret must be at least 32 characters" in faults
    assert {record["level"] for record in service.records()} == {"error"}


@pytest.mark.parametrize("extra", [{}, {"NODE_ENV": ""}], ids=["unset", "empty"])
def test_without_a_named_environment_it_is_production(
    start: Start, database: OriginalDatabase, extra: dict[str, str]
) -> None:
    environ = database.environ() | {"WEBAPP_URL": "http://localhost:5173"}
    del environ["NODE_ENV"]
    service = start(environ | extra)
    assert service.wait(20) == 78
    assert any(re.match(r"WEBAPP_URL: must begin with https://", text) for text in service.messages())


def test_a_wrong_password_or_a_missing_database_is_a_setting_and_not_waited_for(
    start: Start, database: OriginalDatabase
) -> None:
    wrong = {
        "password": start(database.environ() | {"DB_PASSWORD": "hunter2"}),
        "database": start(database.environ() | {"DB_NAME": "nowhere"}),
    }
    for what, service in wrong.items():
        assert service.wait(20) == 78
        assert "Waiting for the database" not in service.output
        assert re.search(rf"{what}.* in DATABASE_URL, or in DB_HOST, DB_USER, DB_PASSWORD", service.output)
        assert "hunter2" not in service.output


def test_a_database_that_is_not_there_yet_is_waited_for_until_sigterm(
    start: Start, database: OriginalDatabase
) -> None:
    services = [
        start(database.environ() | {"DB_HOST": "no-such-host.invalid"}),
        start(database.environ() | {"DB_PORT": str(free_port())}),
    ]
    for service in services:
        wait_for_message(service, "Waiting for the database: ")
        assert service.is_running
        assert end(service) < 2
        assert service.messages()[-1].startswith("Terminated")


def test_sigterm_while_another_runner_migrates_leaves_nothing_half_done(
    start: Start, database: OriginalDatabase
) -> None:
    with psycopg.connect(database.url, application_name="a slow runner") as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        service = start(database.environ())
        wait_for_message(service, "Waiting for another runner: pid")
        assert "a slow runner" in service.output
        assert end(service) < 2
    assert tables(database.url) == []


def test_three_at_once_on_an_empty_database_migrate_it_once_and_all_serve(
    start: Start, database: OriginalDatabase
) -> None:
    services = [start(database.environ() | {"WEB_CONCURRENCY": "1"}) for _ in range(3)]
    for service in services:
        service.wait_until_serving()
        assert said(service, (COMPLETED, RUNNING)) == [COMPLETED, RUNNING]
    assert sum(APPLIED in service.messages() for service in services) == 1
    assert applied_migrations(database.url) == FILES


def test_without_migrate_on_start_it_checks_and_changes_nothing(
    start: Start, run: Run, database: OriginalDatabase
) -> None:
    checking = database.environ() | {"MIGRATE_ON_START": "false"}
    refused = start(checking)
    assert refused.wait(20) == 5
    assert said(refused, LISTED) == LISTED
    assert tables(database.url) == []

    assert run("bin/migrate", environ=database.environ()).wait(20) == 0
    served = start(checking)
    served.wait_until_serving()
    sentences = [CHECKING, UP_TO_DATE, COMPLETED, RUNNING]
    assert said(served, sentences) == sentences


def test_an_image_without_its_migrations_neither_starts_nor_serves(
    run: Run, tmp_path: Path, database: OriginalDatabase
) -> None:
    (tmp_path / "sql").mkdir()
    for name in ("app", "bin", "setup.cfg", "sql/queries", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    folder = tmp_path / "sql" / "migrations"
    faults = [f"{folder} cannot be read: No such file", f"{folder} holds no migration"]
    for fault in faults:
        for setting in ("true", "false"):
            environ = database.environ() | {"MIGRATE_ON_START": setting}
            process = run(str(tmp_path / "bin" / "start"), environ=environ)
            assert process.wait(20) == 3, process.output
            assert fault in process.output
        program = "from app.wsgi import get_app; get_app()"
        worker = run(str(tmp_path / "bin" / "python"), "-c", program, environ=database.environ())
        assert worker.wait(20) == 1
        assert f"CommandError: The migrations' folder {fault}" in worker.output
        folder.mkdir(exist_ok=True)


def test_only_development_reads_dotenv(run: Run, tmp_path: Path, database: OriginalDatabase) -> None:
    for name in ("app", "bin", "sql", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".env").write_text("SESSION_SECRET=too short\n")
    environ = database.environ() | {"SESSION_SECRET": "", "WEBAPP_URL": "nowhere"}
    faults = {
        "production": "SESSION_SECRET: required, and not set",
        "development": "SESSION_SECRET: Session secret must be at least 32 characters",
    }
    for app_env, fault in faults.items():
        process = run(str(tmp_path / "bin" / "start"), environ=environ | {"APP_ENV": app_env})
        assert process.wait(20) == 78
        assert fault in process.output


def test_every_command_has_help_and_says_at_its_top_what_it_does(run: Run) -> None:
    scripts = sorted((ROOT / "bin").iterdir())
    helps = {path.name: run(f"bin/{path.name}", "--help", environ={}) for path in scripts}
    for name, process in helps.items():
        assert process.wait(60) == 0, f"{name}:\n{process.output}"
        assert process.output, name
        assert re.match(r"# [A-Z].*\.", (ROOT / "bin" / name).read_text().splitlines()[1]), name


def test_the_console_format_is_one_readable_line_a_record(start: Start, database: OriginalDatabase) -> None:
    service = start(database.environ() | {"LOG_FORMAT": "console", "WEB_CONCURRENCY": "3"})
    service.wait_until_serving()
    lines = [line for line in service.lines if RUNNING in line]
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d INFO +Server running  url=http://localhost:{service.port}", lines[0]
    )
    assert len(lines) == 1
    until(lambda: len(service.workers()) == 3, seconds=10, what="as many workers as WEB_CONCURRENCY says")


def test_a_taken_port_is_named_and_ends_the_start(start: Start, database: OriginalDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        service = start(database.environ() | {"PORT": port})
        assert service.wait(30) == 1
    assert any("in use" in message and port in message for message in service.messages())
    assert RUNNING not in service.messages()
