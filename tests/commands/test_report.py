"""How commands report."""

import logging

import pytest

from app.commands.report import LogReport


@pytest.mark.parametrize(
    ("is_for_people", "fields"),
    [(False, {"event": "migration", "ms": 7}), (True, {})],
    ids=["json", "console"],
)
def test_people_are_told_once(
    *, caplog: pytest.LogCaptureFixture, is_for_people: bool, fields: dict[str, object]
) -> None:
    report = LogReport(logging.getLogger("tests.report"), is_for_people=is_for_people)
    with caplog.at_level(logging.INFO):
        report.say("migration", "Applied 0001_a in 7 ms", fields={"ms": 7})
    [record] = caplog.records
    told = {name: vars(record)[name] for name in ("event", "ms") if name in vars(record)}
    assert (record.getMessage(), told) == ("Applied 0001_a in 7 ms", fields)
