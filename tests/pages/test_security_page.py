"""docs/security.md says what is so; in docs/asvs.md each requirement has a row, and each row its tests."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.accounts import credentials
from app.identity import attempt
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.service import ROOT
from tests.support.visitor import Visitor

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ASVS = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
LEVELS_1_AND_2 = {
    "3.2.1", "3.2.2", "3.3.1", "3.3.2", "3.3.3", "3.3.4",
    "3.4.1", "3.4.2", "3.4.3", "3.4.4", "3.4.5", "3.4.6",
    "3.5.1", "3.5.2", "3.5.3", "3.5.4", "3.5.5", "3.7.1", "3.7.2",
    "7.1.1", "7.1.2", "7.1.3", "7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.3.1", "7.3.2",
    "7.4.1", "7.4.2", "7.4.3", "7.4.4", "7.4.5", "7.5.1", "7.5.2", "7.6.1", "7.6.2",
    "10.1.1", "10.1.2", "10.2.1", "10.2.2", "10.3.1", "10.3.2", "10.3.3", "10.3.4",
    "10.4.1", "10.4.2", "10.4.3", "10.4.4", "10.4.5", "10.4.6", "10.4.7", "10.4.8", "10.4.9", "10.4.10",
    "10.4.11", "10.5.1", "10.5.2", "10.5.3", "10.5.4", "10.5.5", "10.6.1", "10.6.2",
    "10.7.1", "10.7.2", "10.7.3",
}  # fmt: skip
"""Of OWASP ASVS 5.0.0, chapters V3, V7 and V10."""


def table() -> Iterator[tuple[str, str, str, str]]:
    """Number, verdict, reason and tests of each requirement; a row may answer several."""
    for line in ASVS.splitlines():
        if re.match(r"\| \d+\.\d+\.\d+[, ]", line):
            numbers, verdict, reason, tests = (cell.strip() for cell in line.strip("|").split("|"))
            for number in numbers.split(", "):
                yield number, verdict, reason, tests


ROWS = list(table())


def test_every_requirement_has_one_row() -> None:
    assert sorted(number for number, *_ in ROWS) == sorted(LEVELS_1_AND_2)


@pytest.mark.parametrize(("number", "verdict", "reason", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_names_tests_that_exist_or_says_why_there_are_none(
    number: str, verdict: str, reason: str, tests: str
) -> None:
    assert reason, number
    named = re.findall(r"`([^`]+)`", tests)
    assert bool(named) == (verdict == "met")
    assert verdict in {"met", "not applicable", "not met"}
    for name in named:
        path, _, function = name.partition("::")
        module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in module.body if isinstance(node, ast.FunctionDef)}, name


def test_the_lifetimes_on_the_page_are_the_codes() -> None:
    section = PAGE.partition("\n## How long")[2].partition("\n## ")[0]
    lives = dict(re.findall(r"^\| ([^|]+) \| (\d+ \w+)", section, re.MULTILINE))
    assert {what: _timedelta(words) for what, words in lives.items()} == {
        "a session": credentials.LIFETIME,
        "a session nobody uses": credentials.IDLE_LIMIT,
        "somebody signed in and not registered": credentials.PENDING_LIFETIME,
        "a sign-in that was begun": timedelta(seconds=attempt.ATTEMPT_SECONDS),
    }


def _timedelta(words: str) -> timedelta:
    count, unit = words.split()
    return timedelta(**{f"{unit.rstrip('s')}s": int(count)})


def test_a_person_may_have_many_sessions(app: Any, visitor: Visitor) -> None:
    visitor.register()
    others = [Visitor(app, origin=WEBAPP) for _ in range(8)]
    for other in others:
        other.sign_in()
    assert all(one.is_signed_in for one in [visitor, *others])
    assert len(visitor.get("/auth/sessions").json["sessions"]) == 9


def test_a_session_goes_on_without_the_provider(visitor: Visitor, provider: OpenIDProvider) -> None:
    visitor.register()
    provider.visits.clear()
    assert visitor.is_signed_in
    assert visitor.get("/auth/user").status_code == 200
    assert visitor.post("/auth/logout").status_code == 204
    assert not provider.visits
