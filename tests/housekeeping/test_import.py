"""bin/users import, from the Node backend's own database."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection, People, Run
from tests.support.node_backend import NodeBackend, node_backend
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

ADA = "101234567890123456789"
GRACE = "101234567890123456790"
GOOGLE = "https://accounts.google.com"
COUNTS = """
    SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM identities), (SELECT count(*) FROM sessions)
"""


@pytest.fixture
def node(postgres: EmbeddedPostgres) -> Iterator[NodeBackend]:
    with node_backend(postgres) as backend:
        yield backend


def accounts(connection: Connection) -> list[Any]:
    read = """
        SELECT users.id, email, name, picture, issuer, subject
        FROM users JOIN identities ON identities.user_id = users.id ORDER BY email
    """
    return connection.execute(read).fetchall()


def report(run: Run, node: NodeBackend, *arguments: str, **environ: str) -> dict[str, Any]:
    outcome = run("users", "import", "--from", node.url, "--json", *arguments, **environ)
    assert outcome.code == 0, outcome.stderr
    summary = outcome.objects[-1]
    assert summary["event"] == "users_imported"
    return summary


def test_a_person_keeps_id_name_picture_and_the_day_they_came(
    run: Run, node: NodeBackend, connection: Connection
) -> None:
    picture = "https://lh3.googleusercontent.com/a/x=s96-c"
    ada = node.person("Ada@Example.com", ADA, name="Ada Lovelace", picture=picture)
    assert report(run, node, "--apply")["new"] == 1
    assert accounts(connection) == [(ada, "ada@example.com", "Ada Lovelace", picture, GOOGLE, ADA)]
    read = "SELECT created_at = '2025-01-02 03:04:05.678Z' AND disabled_at IS NULL FROM users"
    assert connection.execute(read).fetchone() == (True,)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_imported_person_signs_in_to_the_account_they_had(
    run: Run,
    node: NodeBackend,
    visitor: Visitor,
    provider: OpenIDProvider,
    connection: Connection,
    end: str,
) -> None:
    # Auth0's has a slash at its end.
    issuer = provider.issuer + end
    provider.metadata["issuer"] = provider.changes["iss"] = issuer
    visitor.sign_in()
    pending = visitor.get("/auth/session").json["user"]
    (subject,) = connection.execute("SELECT pending_identity ->> 'subject' FROM sessions").fetchone() or ("",)
    # The e-mail has changed meanwhile: it is not what people are known by.
    before = node.person("before@example.com", subject, name="Before")
    report(run, node, "--apply", "--issuer", issuer, APP_ENV="test")
    visitor.sign_in()
    session = visitor.get("/auth/session").json
    assert (session["registered"], session["user"]["id"]) == (True, str(before))
    assert pending["email"] != "before@example.com"


def test_a_dry_run_writes_nothing_and_says_what_would_be(
    run: Run, node: NodeBackend, connection: Connection, people: People
) -> None:
    people.user("grace@example.com")
    node.person("ada@example.com", ADA)
    node.person("grace@example.com", GRACE)
    node.person("nobody@example.com", None)
    before = connection.execute(COUNTS).fetchone()
    dry = report(run, node)
    assert connection.execute(COUNTS).fetchone() == before
    real = report(run, node, "--apply")
    assert (dry["applied"], real["applied"]) == (False, True)
    same = ("rows", "new", "already_there", "skipped", "changed")
    assert [dry[key] for key in same] == [real[key] for key in same]
    assert (real["rows"], real["new"], real["skipped"]) == (3, 1, {"no_subject": 1, "email_taken": 1})


def test_a_second_time_changes_nothing(run: Run, node: NodeBackend, connection: Connection) -> None:
    node.crowd(2500)
    node.person("PERSON7@example.com", ADA)
    first = report(run, node, "--apply")
    assert (first["new"], first["already_there"], first["skipped"]) == (2500, 0, {"duplicate_email": 1})
    # What people changed since is theirs.
    connection.execute("UPDATE users SET name = 'Changed' WHERE email = 'person7@example.com'")
    before = accounts(connection)
    second = report(run, node, "--apply")
    assert (second["new"], second["already_there"], second["skipped"]) == (0, 2500, first["skipped"])
    assert accounts(connection) == before


def test_of_rows_that_differ_in_case_alone_the_oldest_wins(
    run: Run, node: NodeBackend, connection: Connection
) -> None:
    node.person("ADA@example.com", GRACE, created_at="2025-03-01Z")
    oldest = node.person("ada@example.com", ADA, created_at="2025-01-01Z")
    node.person("Ada@example.com", "7", created_at="2025-02-01Z")
    assert report(run, node, "--apply")["skipped"] == {"duplicate_email": 2}
    assert [row[0] for row in accounts(connection)] == [oldest]


def test_a_row_without_a_subject_becomes_no_account_and_leaves_its_email_free(
    run: Run, node: NodeBackend, visitor: Visitor, connection: Connection
) -> None:
    visitor.sign_in()
    email = visitor.get("/auth/session").json["user"]["email"]
    node.person(email, None, name="Old")
    node.person("blank@example.com", "  ")
    assert report(run, node, "--apply")["skipped"] == {"no_subject": 2}
    assert visitor.post("/auth/register").status_code == 201


def test_an_account_here_is_never_taken_over_or_given_a_second_identity(
    run: Run, node: NodeBackend, people: People, connection: Connection
) -> None:
    node.person("ada@example.com", ADA)
    mallory = node.person("mallory@example.com", GRACE)
    people.user("ada@example.com")
    other = people.user("other@example.com")
    connection.execute("UPDATE users SET id = %s WHERE id = %s", (mallory, other))
    assert report(run, node, "--apply")["skipped"] == {"email_taken": 1, "id_taken": 1}
    assert accounts(connection) == []


def test_names_and_pictures_are_kept_as_far_as_sign_in_would_keep_them(
    run: Run, node: NodeBackend, connection: Connection
) -> None:
    node.person("a@example.com", "1", name="Ada\x1b[2J\tLovelace ", picture="http://example.com/a.png")
    node.person("b@example.com", "2", name="x" * 300, picture="javascript:alert(1)")
    node.person("c@example.com", "3", name=" \t ", picture="https://example.com/" + "x" * 2000)
    node.person("d@example.com", "4", name="Zoë 🦊", picture="https://example.com/d.png")
    summary = report(run, node, "--apply")
    assert summary["changed"] == {"name_changed": 2, "picture_left_out": 3}
    assert [row[2:4] for row in accounts(connection)] == [
        ("Ada[2JLovelace", None),
        ("x" * 200, None),
        (None, None),
        ("Zoë 🦊", "https://example.com/d.png"),
    ]


@pytest.mark.parametrize(
    ("email", "subject", "reason"),
    [
        ("", "1", "unusable_email"),
        ("ada", "1", "unusable_email"),
        ("ada@example.com\x1b[2J", "1", "unusable_email"),
        ("ada@exa mple.com", "1", "unusable_email"),
        ("a" * 320 + "@example.com", "1", "unusable_email"),
        ("\u212aelvin@example.com", "1", "unusable_email"),
        ("ada@example.com", "x" * 256, "unusable_subject"),
        ("ada@example.com", "1\n2", "unusable_subject"),
        ("ada@example.com", "1.01235E+20", "unusable_subject"),
    ],
)
def test_a_hostile_row_is_skipped_and_its_neighbours_are_not(
    run: Run, node: NodeBackend, connection: Connection, email: str, subject: str, reason: str
) -> None:
    node.person("before@example.com", "11", created_at="2024-01-01Z")
    node.person(email, subject)
    node.person("after@example.com", "12", created_at="2026-01-01Z")
    summary = report(run, node, "--apply")
    assert (summary["new"], summary["skipped"]) == (2, {reason: 1})
    assert [row[1] for row in accounts(connection)] == ["after@example.com", "before@example.com"]


def test_sql_in_a_row_is_text(run: Run, node: NodeBackend, connection: Connection) -> None:
    node.person("'); DROP TABLE users; --@example.com".replace(" ", ""), "'||'", name="%(ids)s {} %s")
    assert report(run, node, "--apply")["new"] == 1
    assert [row[2] for row in accounts(connection)] == ["%(ids)s {} %s"]


def test_skipped_rows_are_shown_up_to_the_limit_and_steer_no_terminal(run: Run, node: NodeBackend) -> None:
    for number in range(5):
        node.person(f"\x1b[2J{number}@example.com", None)
    outcome = run("users", "import", "--from", node.url, "--limit", "3")
    assert "\x1b" not in outcome.stdout
    assert outcome.stdout.count("no_subject") == 3
    assert "Skipped: 5." in outcome.stdout
    assert "--apply" in outcome.stdout
    assert "--limit" in outcome.stderr
    rows = run("users", "import", "--from", node.url, "--json").objects[:-1]
    assert [row["row"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["reason"] for row in rows} == {"no_subject"}
