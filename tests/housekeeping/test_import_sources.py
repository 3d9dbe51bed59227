"""Where bin/users import reads from: tables, queries, views of any names, and CSV files."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection, Run
from tests.support.node_backend import NodeBackend, node_backend
from tests.support.service import ROOT, clean_environ, free_port

HEADER = "user_id,email,name,display_picture,google_subject,created_at\n"
ID = "0b9c1d1e-1c8f-4f57-9d43-3f0a3c1b2a10"
ACCOUNTS = """
    CREATE TABLE account (account_id varchar, user_id uuid, provider_id varchar, password text);
    INSERT INTO account SELECT google_subject, user_id, 'google' FROM users;
    ALTER TABLE users DROP COLUMN google_subject;
"""


@pytest.fixture
def node(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    with node_backend(postgres) as backend:
        yield backend


def test_subjects_in_a_table_of_their_own_come_by_a_query(
    run: Run, node: NodeBackend, connection: Connection
) -> None:
    node.crowd(3)
    node.connection.execute(ACCOUNTS)
    query = """
        SELECT users.*, account_id AS google_subject FROM users
        LEFT JOIN account ON account.user_id = users.user_id AND provider_id LIKE 'goog%'; -- better-auth's
    """.partition("; --")[0]
    outcome = run("users", "import", "--from", node.url, "--query", query, "--apply", "--json")
    assert outcome.objects[-1]["new"] == 3, outcome.stderr
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (3,)


def test_the_source_is_only_read(run: Run, node: NodeBackend) -> None:
    node.crowd(1)
    for query in ("DELETE FROM users RETURNING *", "SELECT *, nextval('s') FROM users"):
        node.connection.execute("CREATE SEQUENCE IF NOT EXISTS s")
        outcome = run("users", "import", "--from", node.url, "--query", query)
        assert outcome.code in {1, 2}, outcome.stdout
    assert node.connection.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_columns_of_other_names_are_named(run: Run, node: NodeBackend, connection: Connection) -> None:
    node.connection.execute(
        """
        CREATE SCHEMA "Old";
        CREATE TABLE "Old"."user" (id text, "eMail" text, sub text);
        INSERT INTO "Old"."user" VALUES ('no-uuid', 'ada@example.com', '7')
        """
    )
    command = ["users", "import", "--from", node.url, "--table", "Old.user", "--apply", "--json"]
    command += ["--email-column", "eMail", "--subject-column", "sub"]
    command += ["--name-column=", "--picture-column=", "--created-at-column="]
    skipped = run(*command, "--id-column", "id").objects[-1]["skipped"]
    assert skipped == {"unusable_id": 1}
    assert run(*command, "--id-column=").objects[-1]["new"] == 1
    outcome = run(*command, "--id-column=")
    assert outcome.objects[-1]["already_there"] == 1
    assert connection.execute("SELECT email FROM users").fetchall() == [("ada@example.com",)]


@pytest.mark.parametrize(
    "arguments", [("--table", "people"), ("--subject-column", "sub"), ("--query", "SELEKT 1")], ids=" ".join
)
def test_what_the_source_does_not_have_is_exit_2(
    run: Run, node: NodeBackend, arguments: tuple[str, ...]
) -> None:
    outcome = run("users", "import", "--from", node.url, *arguments)
    assert outcome.code == 2
    assert outcome.stderr.startswith("--from: ")
    assert "--help" in outcome.stderr


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        ("nonsense", "not a URL"),
        ("accounts.google.com", "not a URL"),
        ("https://id.example.com ", "not a URL"),
        ("http://id.example.com", "https://"),
        ("https://id.example.com/?tenant=1", "without ?"),
        ("https://ID.example.com:443/", "'https://id.example.com/'"),
    ],
)
def test_an_issuer_that_no_sign_in_would_store_is_exit_2(
    run: Run, node: NodeBackend, issuer: str, words: str
) -> None:
    outcome = run("users", "import", "--from", node.url, "--issuer", issuer)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "argument --issuer: " in outcome.stderr
    assert words in outcome.stderr


def test_an_issuer_may_have_http_where_the_service_takes_it(run: Run, node: NodeBackend) -> None:
    command = ("users", "import", "--from", node.url, "--issuer", "http://localhost:9400")
    codes = {name: run(*command, APP_ENV=name).code for name in ("development", "test", "staging")}
    assert codes == {"development": 0, "test": 0, "staging": 2}


def test_a_source_that_is_away_is_exit_69_and_named(run: Run) -> None:
    outcome = run("users", "import", "--from", f"postgresql://postgres@127.0.0.1:{free_port()}/x")
    assert outcome.code == 69
    assert outcome.stderr.splitlines()[-1].startswith("--from: No database")


def test_a_csv_file_from_psql_is_read(run: Run, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    row = f'{ID},ada@example.com,"Ada ""Countess""\r\nLovelace",,7,2025-01-02 03:04:05.678+00\n'
    path.write_text("\ufeff" + HEADER + row + "\n", encoding="utf-8", newline="")
    outcome = run("users", "import", "--from", str(path), "--apply", "--json")
    assert outcome.objects[-1]["new"] == 1, outcome.stderr
    read = "SELECT id::text, name, picture, created_at = '2025-01-02 03:04:05.678Z' FROM users"
    assert connection.execute(read).fetchone() == (ID, 'Ada "Countess"Lovelace', None, True)


def test_a_csv_comes_on_stdin_too(database_url: str) -> None:
    done = subprocess.run(
        [ROOT / "bin" / "users", "import", "--from", "-", "--apply"],
        input=f"{HEADER}{ID},zoë@example.com,Zoë,,7,\n".encode(),
        env=clean_environ({"DATABASE_URL": database_url, "LC_ALL": "C"}),
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(b"Imported 1 of 1 rows.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "nothing"),
        (b"email,name\n", "'user_id'"),
        (HEADER.replace("name", "email").encode(), "'email'"),
        (HEADER.encode() + b"\xff\xfe\n", "UTF-8"),
        (HEADER.encode() + b'1,"2\n', "CSV"),
        (HEADER.encode() + b'1,"2"x,3,4,5,6\n', "CSV"),
    ],
)
def test_a_file_that_is_no_such_csv_is_exit_2(run: Run, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(content)
    outcome = run("users", "import", "--from", str(path), "--apply")
    assert outcome.code == 2
    assert words in outcome.stderr
    assert outcome.stdout.startswith("Imported 0 of 0 rows.")


def test_a_file_that_is_not_there_is_exit_2(run: Run) -> None:
    assert run("users", "import", "--from", "").code == 2
    outcome = run("users", "import", "--from", "/no/such/file.csv")
    assert outcome.code == 2
    assert outcome.stderr == "--from: /no/such/file.csv: No such file or directory.\n"


def test_a_database_without_tables_is_exit_5(run: Run, empty_database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"{HEADER}{ID},ada@example.com,,,7,\n")
    outcome = run("users", "import", "--from", str(path), DATABASE_URL=empty_database_url)
    assert (outcome.code, "bin/migrate" in outcome.stderr) == (5, True)


def test_broken_rows_are_skipped_and_times_may_be_unknown(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    rows = ["a,b", f"{ID},a@example.com,,,1,infinity", f"{ID[:-1]}1,b@example.com,,,2,2025-01-02 03:04:05.6"]
    path.write_text(HEADER + "\n".join([*rows, f"{ID},c@example.com,,,3,", f"{ID[:-1]}2,d@x.org,,,1,"]))
    summary = run("users", "import", "--from", str(path), "--apply", "--json").objects[-1]
    assert summary["skipped"] == {"broken_row": 1, "duplicate_id": 1, "duplicate_subject": 1}
    assert (summary["new"], summary["changed"]) == (2, {"created_at_unknown": 1})


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01 00:00:00+14",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59+00",
        "9999-12-31 23:59:59-12",
    ],
)
def test_a_time_at_either_end_of_the_calendar_is_unknown_and_breaks_no_list(
    run: Run, tmp_path: Path, moment: str
) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"{HEADER}{ID},ada@example.com,,,7,{moment}\n")
    summary = run("users", "import", "--from", str(path), "--apply", "--json").objects[-1]
    assert (summary["new"], summary["changed"]) == (1, {"created_at_unknown": 1})
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        outcome = run("users", "list", "--json", PGTZ=zone)
        assert (outcome.code, len(outcome.objects)) == (0, 1), outcome.stderr
