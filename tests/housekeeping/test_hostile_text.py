"""What users and browsers wrote cannot steer an operator's terminal."""

import json

import pytest

from app.commands.report import printable
from tests.housekeeping.conftest import People, Run

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\tfake line \u202etxt.exe\u2028\x7f"
EXCUSED = {"\n"}


def is_harmless(text: str) -> bool:
    return all(letter.isprintable() or letter in EXCUSED for letter in text)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_user_agent(run: Run, people: People, arguments: tuple[str, ...]) -> None:
    people.session(people.user("ada@example.com"), user_agent=HOSTILE)
    outcome = run("sessions", "list", *arguments)
    assert outcome.code == 0
    assert is_harmless(outcome.stdout)
    assert len(outcome.stdout.splitlines()) == (1 if arguments else 2)
    if arguments:
        assert json.loads(outcome.stdout)["user_agent"] == HOSTILE
    else:
        assert r"\x1b[2J\x9b31m\r\n\tfake line \u202etxt.exe\u2028\x7f" in outcome.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_name_and_an_email(run: Run, people: People, arguments: tuple[str, ...]) -> None:
    email = "ada\x1b[2j\x9b@example.com"
    user = people.user(email, HOSTILE)
    for command in (("list",), ("disable",), ("enable",), ("delete",), ("delete", "--yes")):
        target = () if command == ("list",) else (str(user),)
        outcome = run("users", *command, *target, *arguments)
        assert is_harmless(outcome.stdout + outcome.stderr), command
        assert "ada" in outcome.stdout + outcome.stderr
        for line in outcome.stdout.splitlines() if arguments else ():
            assert json.loads(line)["email"] == email


def test_what_is_harmless_stays_as_it_is() -> None:
    assert printable("Zoë 李 Ada 🙂 'quoted'") == "Zoë 李 Ada 🙂 'quoted'"
