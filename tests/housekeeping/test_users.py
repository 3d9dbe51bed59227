"""bin/users."""

from uuid import uuid4

import pytest
from psycopg import sql

from tests.housekeeping.conftest import Connection, People, Run


def emails(run: Run, *arguments: str) -> list[str]:
    return [entry["email"] for entry in run("users", "list", "--json", *arguments).objects]


def test_users_are_listed_by_email_and_found_by_parts_of_names(run: Run, people: People) -> None:
    people.user("grace@example.com", "Grace Hopper")
    people.user("ada@example.com", "Ada Lovelace")
    people.user("100%_mine@example.org")
    run("users", "disable", "grace@example.com")
    assert emails(run) == ["100%_mine@example.org", "ada@example.com", "grace@example.com"]
    assert emails(run, "--search", "LOVE") == ["ada@example.com"]
    assert emails(run, "--search", "EXAMPLE.COM") == ["ada@example.com", "grace@example.com"]
    assert emails(run, "--search", "%_") == ["100%_mine@example.org"]
    assert emails(run, "--disabled") == ["grace@example.com"]
    assert emails(run, "--search", "ada", "--disabled") == []


def test_a_list_says_when_there_are_more(run: Run, people: People) -> None:
    for name in ("ada", "grace"):
        people.user(f"{name}@example.com")
    outcome = run("users", "list", "--limit", "1")
    assert outcome.stdout.startswith("id ")
    assert len(outcome.stdout.splitlines()) == 2
    assert "more than these 1" in outcome.stderr


def test_a_users_tokens_are_listed_without_what_a_script_could_send(
    run: Run, people: People, connection: Connection
) -> None:
    ada, grace = people.user("ada@example.com"), people.user("grace@example.com")
    token = people.token(ada)
    people.token(grace)
    outcome = run("users", "tokens", "ada@example.com", "--json")
    [entry] = outcome.objects
    assert entry.keys() == {"id", "name", "created_at", "expires_at", "last_used_at"}
    assert (entry["id"], entry["name"], entry["last_used_at"]) == (str(token), "ci", None)
    table = run("users", "tokens", str(ada)).stdout
    assert [line.split()[0] for line in table.splitlines()] == ["id", str(token)]
    connection.execute("DELETE FROM api_tokens")
    none = run("users", "tokens", "ada@example.com")
    assert (none.code, none.stdout) == (0, "")
    assert "ada@example.com has no API tokens." in none.stderr
    assert run("users", "tokens", "nobody@example.com").code == 67


def test_disabling_ends_sessions_and_tokens_of_one_user(
    run: Run, people: People, connection: Connection
) -> None:
    ada, grace = people.user("ada@example.com"), people.user("grace@example.com")
    for user in (ada, ada, grace):
        people.session(user)
    ended = people.session(ada, idles="-1 day")
    for user in (ada, grace):
        people.token(user)
    outcome = run("users", "disable", "Ada@example.com", "--json")
    (entry,) = outcome.objects
    assert entry["event"] == "user_disabled"
    assert (entry["user_id"], entry["email"]) == (str(ada), "ada@example.com")
    assert (entry["sessions_revoked"], entry["api_tokens_deleted"]) == (2, 1)
    assert people.count("revoke_reason = 'user_disabled'") == 2
    assert ended in people.ids("revoked_at IS NULL")
    assert people.count("revoked_at IS NULL") == 2
    assert connection.execute("SELECT user_id FROM api_tokens").fetchall() == [(grace,)]
    read = "SELECT email, disabled_at IS NULL FROM users ORDER BY email"
    assert connection.execute(read).fetchall() == [("ada@example.com", False), ("grace@example.com", True)]


def test_disabling_again_keeps_the_moment_it_began(run: Run, people: People, connection: Connection) -> None:
    user = people.user("ada@example.com")
    assert run("users", "disable", str(user)).stdout.startswith("ada@example.com is disabled.")
    before = connection.execute("SELECT disabled_at FROM users").fetchone()
    assert run("users", "disable", str(user)).stdout.startswith("ada@example.com was disabled already.")
    assert connection.execute("SELECT disabled_at FROM users").fetchone() == before


def test_enabling_brings_nothing_back_not_even_what_raced_the_disabling(
    run: Run, people: People, connection: Connection
) -> None:
    user = people.user("ada@example.com")
    run("users", "disable", "ada@example.com")
    people.session(user)
    people.token(user)
    enabled = run("users", "enable", "ADA@example.com", "--json")
    assert [(entry["event"], entry["was_disabled"]) for entry in enabled.objects] == [("user_enabled", True)]
    assert people.count("revoked_at IS NULL") == 0
    assert connection.execute("SELECT count(*) FROM api_tokens").fetchone() == (0,)
    people.session(user)
    assert run("users", "enable", "ada@example.com").stdout == "ada@example.com was not disabled.\n"
    assert people.count("revoked_at IS NULL") == 1


def test_a_deleted_user_leaves_no_row_anywhere(run: Run, people: People, connection: Connection) -> None:
    ada, grace = people.user("ada@example.com"), people.user("grace@example.com")
    for user in (ada, grace):
        people.session(user)
        people.token(user)
        connection.execute(
            "INSERT INTO identities (issuer, subject, user_id) VALUES ('i', %s, %s)", (str(user), user)
        )
    refused = run("users", "delete", "ada@example.com")
    assert refused.code == 2
    assert "--yes" in refused.stderr
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (2,)
    done = run("users", "delete", "ada@example.com", "--yes", "--json")
    assert [(entry["event"], entry["user_id"]) for entry in done.objects] == [("user_deleted", str(ada))]
    for table in ("sessions", "api_tokens", "identities"):
        query = sql.SQL("SELECT user_id FROM {}").format(sql.Identifier(table))
        assert connection.execute(query).fetchall() == [(grace,)], table


@pytest.mark.parametrize("command", [("disable",), ("enable",), ("delete", "--yes")], ids=" ".join)
def test_no_such_user_is_exit_67(run: Run, command: tuple[str, ...]) -> None:
    for wanted, key in ((str(uuid4()), "id"), ("nobody@example.com", "e-mail")):
        outcome = run("users", *command, wanted)
        assert (outcome.code, outcome.stderr) == (67, f"No user has the {key} {wanted}.\n")
        assert outcome.stdout == ""
