"""Databases on both versions that are promised, files to apply, and runners as objects and as processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from app.commands.report import TextReport
from app.migrations.runner.runner import Runner
from app.migrations.script.files import load_migrations
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import Process

MakeRunner = Callable[..., Runner]
BOTH = [18, 16]
"""Versions for `parametrize("server", BOTH, indirect=True)`."""
BOTH_IN_FULL = [18, pytest.param(16, marks=pytest.mark.full)]
"""The older one in `bin/ci --full` alone."""


class Run(Protocol):
    def __call__(self, *arguments: str, **environ: str) -> Process: ...


@pytest.fixture(scope="session")
def postgres_16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The oldest version that is promised; `postgres` is the newest."""
    data = tmp_path_factory.mktemp("pg16")
    with EmbeddedPostgres(data, version=16, settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture
def server(request: pytest.FixtureRequest) -> EmbeddedPostgres:
    """The newest version, or the one that `parametrize("server", BOTH, indirect=True)` names."""
    name = "postgres_16" if getattr(request, "param", 18) == 16 else "postgres"
    server: EmbeddedPostgres = request.getfixturevalue(name)
    return server


@pytest.fixture
def url(server: EmbeddedPostgres) -> Iterator[str]:
    """An empty database of the test's own."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def other(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else in the test's database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\n")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (id int);\n")
    return tmp_path


@pytest.fixture
def make_runner(url: str, folder: Path) -> Iterator[MakeRunner]:
    with ExitStack() as stack:

        def make(output: StringIO | None = None, **arguments: Any) -> Runner:
            connection = psycopg.connect(url, autocommit=True, application_name="a test")
            stack.enter_context(connection)
            return Runner(
                **{
                    "connection": connection,
                    "migrations": load_migrations(folder),
                    "report": TextReport(output or StringIO()),
                    "wait": 20.0,
                    "applied_by": "a test",
                    **arguments,
                }
            )

        yield make


@pytest.fixture
def run(url: str, folder: Path) -> Iterator[Run]:
    """Starts bin/migrate on the test's folder and database."""
    with ExitStack() as stack:

        def start(*arguments: str, **environ: str) -> Process:
            command = ("bin/migrate", "--folder", str(folder), *arguments)
            process = Process(*command, environ={"DATABASE_URL": url, **environ})
            stack.callback(process.kill)
            return process

        yield start
