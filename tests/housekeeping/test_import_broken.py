"""Where sql/import_users.sql stops, and writes nothing."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection
from tests.support.service import clean_environ
from tests.support.user_import import APPLY, HEADER, Import, command, import_users, person, written
from tests.support.waiting import until

COUNTS = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM identities)"


@pytest.fixture
def load(postgres: EmbeddedPostgres, database_url: str) -> Import:
    return lambda source, *arguments: import_users(postgres, database_url, source, "--csv", *arguments)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"email,name\n", "column name mismatch|wrong number of fields in header"),
        (HEADER.replace("google_subject", "subject").encode(), '"google_subject"'),
        (HEADER.encode() + b"\xff\xfe\n", "UTF8"),
        (HEADER.encode() + b'1,"2\n', "CSV"),
        (HEADER.encode() + b"a,b\n", "missing data|uuid"),
        (written([(*person("b@example.com", "2"), "one more")]), "extra data"),
        (written([person("b@example.com", "2", created_at="soon")]), "soon"),
        (written([("no-uuid", *person("b@example.com", "2")[1:])]), "no-uuid"),
    ],
)
def test_a_broken_file_is_exit_3_and_nothing_is_written(
    load: Import, connection: Connection, content: bytes, words: str
) -> None:
    head, _, rest = content.partition(b"\n")
    good = written([person("a@example.com", "1")]).partition(b"\n")[2]
    outcome = load(head + b"\n" + good + rest, *APPLY)
    assert outcome.code == 3
    assert any(word in outcome.stderr for word in words.split("|")), outcome.stderr
    assert "new" not in outcome.stdout
    assert connection.execute(COUNTS).fetchone() == (0, 0)


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "nonsense",
        "accounts.google.com",
        "https://id.example.com ",
        "https://id.example.com/?tenant=1",
        "https://ID.example.com/",
        "https://'; DROP TABLE users; --",
    ],
)
def test_an_issuer_that_no_sign_in_would_store_is_exit_3(load: Import, issuer: str) -> None:
    outcome = load([person("ada@example.com", "7")], *APPLY, "-v", f"issuer={issuer}")
    assert (outcome.code, outcome.stdout) == (3, "")
    assert "The issuer must be a URL" in outcome.stderr


def test_a_database_without_tables_is_exit_3(postgres: EmbeddedPostgres, empty_database_url: str) -> None:
    outcome = import_users(postgres, empty_database_url, [person("ada@example.com", "7")])
    assert outcome.code == 3
    assert '"identities" does not exist' in outcome.stderr


@contextmanager
def begun(postgres: EmbeddedPostgres, url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command(postgres, url, *APPLY),
        env=clean_environ({"PGAPPNAME": "import"}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


def test_somebody_who_registers_at_that_moment_ends_it_with_nothing_written(
    postgres: EmbeddedPostgres, load: Import, connection: Connection, database_url: str
) -> None:
    rows = [person(f"person{number}@example.com", str(number)) for number in range(10)]
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'import' AND wait_event_type = 'Lock' AND datname = current_database()
    """
    with psycopg.connect(database_url) as other, begun(postgres, database_url) as process:
        other.execute("INSERT INTO users (email) VALUES ('person5@example.com')")
        assert process.stdin
        process.stdin.write(written(rows))
        process.stdin.close()
        until(lambda: connection.execute(waiting).fetchone() == (1,), seconds=20, what="it waits")
        other.commit()
        assert process.wait(15) == 3
        assert process.stderr
        assert b"users_email_key" in process.stderr.read()
    assert connection.execute(COUNTS).fetchone() == (1, 0)
    assert load(rows, *APPLY).counts == {"new": 9, "email_taken": 1}
