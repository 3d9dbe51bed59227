"""Each exit code that docs/housekeeping.md explains is what the operators' commands end with then."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.pages import Page, rows
from tests.support.service import Process, free_port
from tests.support.waiting import until

ENTRIES = [int(row[0]) for row in rows(Page("housekeeping.md").section("In scripts"))]
REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse();
"""
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class Case:
    """A database with one person in it, and the commands."""

    def __init__(self, url: str, postgres: EmbeddedPostgres, stack: ExitStack) -> None:
        self.url = url
        self.postgres = postgres
        self.stack = stack
        self.change("INSERT INTO users (email) VALUES ('ada@example.com')")

    def change(self, statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statements.encode())

    def start(self, *command: str, url: str | None = None) -> Process:
        process = Process(*command, environ={"DATABASE_URL": self.url if url is None else url})
        self.stack.callback(process.kill)
        return process

    def run(self, *command: str, url: str | None = None) -> int:
        return self.start(*command, url=url).wait()

    def lock_people(self) -> None:
        self.stack.enter_context(psycopg.connect(self.url)).execute("LOCK TABLE users")


def refused(case: Case) -> int:
    case.change(REFUSE)
    return case.run("bin/users", "disable", "ada@example.com")


def empty(case: Case) -> int:
    return case.run("bin/users", "list", url=case.stack.enter_context(fresh_database(case.postgres)))


def cut_off(case: Case) -> int:
    name = conninfo_to_dict(case.url)["dbname"]
    case.change(f"ALTER DATABASE {name} SET lock_timeout = '200ms'")
    case.lock_people()
    return case.run("bin/users", "list")


def stopped(case: Case) -> int:
    case.lock_people()
    process = case.start("bin/users", "list")
    with psycopg.connect(case.url, autocommit=True) as connection:
        until(lambda: connection.execute(WAITING).fetchone(), seconds=20, what="it waits")
    process.signal(signal.SIGTERM)
    return process.wait()


CAUSES: dict[int, Callable[[Case], int]] = {
    0: lambda case: case.run("bin/sessions", "purge"),
    1: refused,
    2: lambda case: case.run("bin/users", "sideways"),
    5: empty,
    67: lambda case: case.run("bin/users", "disable", "nobody@example.com"),
    69: lambda case: case.run("bin/users", "list", url=f"postgresql://127.0.0.1:{free_port()}/x"),
    75: cut_off,
    78: lambda case: case.run("bin/users", "list", url=""),
    143: stopped,
}


@pytest.fixture
def case(database_url: str, postgres: EmbeddedPostgres) -> Iterator[Case]:
    with ExitStack() as stack:
        yield Case(database_url, postgres, stack)


@pytest.mark.parametrize("code", ENTRIES)
def test_a_command_ends_with_the_code_on_the_page(code: int, case: Case) -> None:
    assert CAUSES[code](case) == code


def test_the_page_has_all_that_are_brought_about_here() -> None:
    assert set(ENTRIES) == set(CAUSES)
