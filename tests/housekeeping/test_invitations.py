"""bin/users invite, invites and uninvite."""

import pytest

from tests.housekeeping.conftest import Connection, People, Run


def test_people_are_invited_into_groups_and_listed(run: Run) -> None:
    assert "Nobody is invited." in run("users", "invites").stderr
    first = run("users", "invite", "Grace@Example.com", "--json")
    assert first.objects[0]["event"] == "user_invited"
    second = run(
        "users", "invite", "ada@example.com", "--group", "staff", "--group", "Zoo", "--group", "staff"
    )
    assert second.stdout == "ada@example.com is invited, into Zoo, staff.\n"
    listed = run("users", "invites", "--json").objects
    assert [(entry["email"], entry["groups"]) for entry in listed] == [
        ("grace@example.com", []),
        ("ada@example.com", ["Zoo", "staff"]),
    ]
    table = run("users", "invites").stdout.splitlines()
    assert table[0].split() == ["email", "groups", "created"]
    assert "Zoo, staff" in table[2]


def test_inviting_again_changes_the_groups(run: Run) -> None:
    run("users", "invite", "ada@example.com", "--group", "staff")
    run("users", "invite", "ADA@example.com", "--group", "admins")
    [entry] = run("users", "invites", "--json").objects
    assert (entry["email"], entry["groups"]) == ("ada@example.com", ["admins"])


def test_whoever_has_an_account_is_said_to(run: Run, people: People) -> None:
    people.user("ada@example.com")
    assert "There is an account with this address" in run("users", "invite", "ada@example.com").stdout


def test_an_invitation_is_ended_with_what_was_begun_by_it(
    run: Run, people: People, connection: Connection
) -> None:
    run("users", "invite", "ada@example.com")
    people.session(None, expires="50 minutes")
    connection.execute("""UPDATE sessions SET pending_identity = '{"email": "ada@example.com"}'""")
    other = people.session(None, expires="50 minutes")
    assert run("users", "uninvite", "Ada@example.com").stdout == "ada@example.com is no longer invited.\n"
    assert people.ids("revoked_at IS NULL") == {other}
    again = run("users", "uninvite", "ada@example.com")
    assert again.code == 1
    assert "No invitation of ada@example.com is open." in again.stderr


@pytest.mark.parametrize("email", ["ada", "a b@example.com", "a@b@example.com", "a\n@example.com", ""])
def test_what_is_no_address_is_exit_2(run: Run, email: str) -> None:
    assert run("users", "invite", email).code == 2
