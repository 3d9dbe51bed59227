"""bin/sessions list and revoke."""

import os
import pty
import subprocess
from uuid import UUID, uuid4

import pytest

from tests.housekeeping.conftest import Connection, People, Run
from tests.support.service import ROOT, clean_environ
from tests.support.waiting import until

FIELDS = ["id", "user_id", "created_at", "last_seen_at", "expires_at", "ip", "user_agent"]


def listed(run: Run, *arguments: str) -> list[UUID]:
    return [UUID(entry["id"]) for entry in run("sessions", "list", "--json", *arguments).objects]


def test_live_sessions_are_listed_the_latest_seen_first(run: Run, people: People) -> None:
    ada, grace = people.user("ada@example.com"), people.user("grace@example.com")
    old = people.session(ada, seen="-2 hours")
    new = people.session(grace, seen="-1 minute")
    pending = people.session(None, seen="-1 hour")
    people.session(ada, revoked="-1 second")
    people.session(ada, idles="-1 second")
    people.session(ada, idles="-1 second", expires="-1 second")
    assert listed(run) == [new, pending, old]
    assert listed(run, "--user", "Ada@Example.COM") == [old]
    assert listed(run, "--user", str(grace)) == [new]


def test_a_list_shows_no_token_hash(run: Run, people: People) -> None:
    session = people.session(people.user("ada@example.com"), user_agent="Firefox")
    (entry,) = run("sessions", "list", "--json").objects
    assert list(entry) == FIELDS
    assert (entry["ip"], entry["user_agent"]) == ("2001:db8::7", "Firefox")
    assert entry["expires_at"].endswith("Z")
    head, row = run("sessions", "list").stdout.splitlines()
    assert head.split("  ")[0] == "id"
    assert "user agent" in head
    assert row.startswith(f"{session}  ")
    assert row.endswith("  2001:db8::7  Firefox")


def test_a_list_says_when_there_are_more(run: Run, people: People) -> None:
    user = people.user("ada@example.com")
    for number in range(3):
        people.session(user, seen=f"-{number} minutes")
    short = run("sessions", "list", "--limit", "2")
    assert len(short.stdout.splitlines()) == 3
    assert "more than these 2" in short.stderr
    whole = run("sessions", "list", "--limit", "3")
    assert len(whole.stdout.splitlines()) == 4
    assert whole.stderr == ""


def test_an_empty_list_is_said_and_prints_nothing(run: Run) -> None:
    outcome = run("sessions", "list")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "No live sessions.\n")


def test_sessions_are_revoked_by_id_once(run: Run, people: People, connection: Connection) -> None:
    user = people.user("ada@example.com")
    first, second, third = (people.session(user) for _ in range(3))
    (entry,) = run("sessions", "revoke", str(first), str(second), "--json").objects
    assert (entry["event"], entry["count"], entry["reason"]) == ("session_revoked", 2, "revoked_by_operator")
    assert set(entry["session_ids"]) == {str(first), str(second)}
    assert people.ids("revoke_reason = 'revoked_by_operator' AND revoked_at IS NOT NULL") == {first, second}
    before = connection.execute("SELECT revoked_at FROM sessions WHERE id = %s", (first,)).fetchone()
    again = run("sessions", "revoke", str(first))
    assert (again.code, again.stdout) == (0, "Revoked 0 sessions.\n")
    assert connection.execute("SELECT revoked_at FROM sessions WHERE id = %s", (first,)).fetchone() == before
    assert people.ids("revoked_at IS NULL") == {third}


def test_an_unknown_session_is_exit_67_and_the_others_are_revoked(run: Run, people: People) -> None:
    session, unknown = people.session(people.user("ada@example.com")), uuid4()
    outcome = run("sessions", "revoke", str(unknown), str(session))
    assert (outcome.code, outcome.stdout) == (67, "Revoked 1 session.\n")
    assert outcome.stderr == f"No session has the id {unknown}.\n"
    assert people.count("revoked_at IS NULL") == 0


def test_a_users_sessions_are_revoked_and_nobody_elses(run: Run, people: People) -> None:
    ada, grace = people.user("ada@example.com"), people.user("grace@example.com")
    mine = {people.session(ada) for _ in range(2)}
    people.session(grace)
    assert run("sessions", "revoke", "--user", "ADA@example.com").stdout == "Revoked 2 sessions.\n"
    assert people.ids("revoked_at IS NOT NULL") == mine
    assert run("sessions", "revoke", "--user", str(uuid4())).code == 67


def test_everybody_is_signed_out_only_with_yes(run: Run, people: People) -> None:
    people.many_sessions(2500, expires="1 hour")
    people.session(people.user("ada@example.com"))
    refused = run("sessions", "revoke", "--all")
    assert refused.code == 2
    assert "--yes" in refused.stderr
    assert people.count("revoked_at IS NOT NULL") == 0
    done = run("sessions", "revoke", "--all", "--yes", "--json")
    assert [(entry["event"], entry["count"]) for entry in done.objects] == [("session_revoked", 2501)]
    assert people.count("revoked_at IS NULL") == 0


@pytest.mark.parametrize(("typed", "code", "left"), [(b"yes\n", 0, 0), (b"y\n", 2, 1), (b"\x04", 2, 1)])
def test_on_a_terminal_it_asks(people: People, database_url: str, typed: bytes, code: int, left: int) -> None:
    people.session(None)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ROOT / "bin" / "sessions", "revoke", "--all"],
        env=clean_environ({"DATABASE_URL": database_url}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    try:
        os.close(theirs)
        asked = b""

        def is_asking() -> bool:
            nonlocal asked
            asked += os.read(ours, 1000)
            return asked.endswith(b"Type yes to go on: ")

        until(is_asking, seconds=20, what="the question")
        os.write(ours, typed)
        assert process.wait(20) == code
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert people.count("revoked_at IS NULL") == left
