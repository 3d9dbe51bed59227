"""bin/users group."""

import pytest

from tests.housekeeping.conftest import Connection, People, Run


def groups_of(connection: Connection, email: str) -> list[str]:
    row = connection.execute("SELECT groups FROM users WHERE email = %s", [email]).fetchone()
    assert row
    groups: list[str] = row[0]
    return groups


def test_people_are_put_into_groups_and_taken_out(run: Run, people: People, connection: Connection) -> None:
    ada = people.user("ada@example.com")
    people.user("grace@example.com")
    for group in ("staff", "Zoo", "R&D 100% 🦊", "staff"):
        added = run("users", "group", "add", "ADA@example.com", group, "--json")
        [entry] = added.objects
        assert (entry["event"], entry["user_id"], entry["group"]) == ("group_added", str(ada), group)
    assert groups_of(connection, "ada@example.com") == ["R&D 100% 🦊", "Zoo", "staff"]
    assert groups_of(connection, "grace@example.com") == []
    removed = run("users", "group", "remove", str(ada), "staff")
    assert removed.stdout == "ada@example.com is no longer in staff.\n"
    again = run("users", "group", "remove", str(ada), "staff")
    assert (again.code, again.stdout) == (0, "ada@example.com was not put by hand into staff.\n")
    assert groups_of(connection, "ada@example.com") == ["R&D 100% 🦊", "Zoo"]


def test_lists_say_who_is_where_and_who_says_so(run: Run, people: People, connection: Connection) -> None:
    assert "Nobody is in a group." in run("users", "group", "list").stderr
    for name in ("ada", "grace"):
        user = people.user(f"{name}@example.com")
        run("users", "group", "add", f"{name}@example.com", "staff")
    connection.execute(
        "INSERT INTO identities (issuer, subject, user_id, groups) VALUES ('https://i', 's', %s, %s)",
        (user, ["admins", "staff"]),
    )
    assert run("users", "group", "list", "--json").objects == [
        {"group": "admins", "people": 1},
        {"group": "staff", "people": 2},
    ]
    assert run("users", "group", "list", "staff", "--json").objects == [
        {"email": "ada@example.com", "by_hand": True, "by_provider": None},
        {"email": "grace@example.com", "by_hand": True, "by_provider": "https://i"},
    ]
    admins = run("users", "group", "list", "admins").stdout.splitlines()
    assert [line.split() for line in admins] == [
        ["email", "by", "hand", "by", "provider"],
        ["grace@example.com", "False", "https://i"],
    ]
    assert "Nobody is in nothing." in run("users", "group", "list", "nothing").stderr


@pytest.mark.parametrize("action", ["add", "remove"])
def test_nobody_with_that_address_is_said_and_exit_1(run: Run, action: str) -> None:
    outcome = run("users", "group", action, "nobody@example.com", "staff")
    assert (outcome.code, outcome.stdout) == (1, "")
    assert "No user has the e-mail nobody@example.com." in outcome.stderr


@pytest.mark.parametrize("name", ["", " ", "a,b", "a\nb", "a\x1b[1mb", "x" * 101])
def test_what_is_no_name_of_a_group_is_exit_2(run: Run, people: People, name: str) -> None:
    people.user("ada@example.com")
    outcome = run("users", "group", "add", "ada@example.com", name)
    assert outcome.code == 2
    assert "1 to 100 printable characters without a comma" in outcome.stderr


def test_nobody_is_in_more_than_two_hundred(run: Run, people: People, connection: Connection) -> None:
    people.user("ada@example.com")
    connection.execute("UPDATE users SET groups = ARRAY(SELECT 'g' || n FROM generate_series(1, 200) AS n)")
    assert run("users", "group", "add", "ada@example.com", "g7").code == 0
    outcome = run("users", "group", "add", "ada@example.com", "one-more")
    assert outcome.code == 1
    assert "200 groups" in outcome.stderr
