"""What a scrape looks like, whatever the scraper says it accepts."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.support.scrape import Scrape
from tests.support.visitor import Visitor

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
MALFORMED = [
    "application/openmetrics-text; version=abc",
    "application/openmetrics-text; version=",
    "application/openmetrics-text; version=1.x",
    "text/plain; version=abc",
    "text/plain;version=1.0.0;q=much",
    "garbage",
    "",
    ",,,;;;===",
    "*/*;q=2",
    "\xff\xfe",
    "a/b;" * 900,
]


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/html,*/*;q=.8", "image/png", *MALFORMED])
def test_the_text_format_answers_everybody(visitor: Visitor, accept: str | None) -> None:
    answer = visitor.get("/metrics", headers={} if accept is None else {"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TEXT
    assert Scrape.parse(answer.text).has("http_requests_in_progress")


@pytest.mark.parametrize("accept", [PROMETHEUS, "application/openmetrics-text", OPENMETRICS])
def test_openmetrics_answers_who_prefers_it(visitor: Visitor, accept: str) -> None:
    visitor.get("/")
    answer = visitor.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"] == OPENMETRICS
    assert answer.text.endswith("# EOF\n")
    families = {family.name: family.type for family in parse_openmetrics(answer.text)}
    assert families["http_requests"] == "counter"
    assert families["http_request_duration_seconds"] == "histogram"


def test_outcomes_are_there_before_they_happen(visitor: Visitor) -> None:
    found = Scrape.parse(visitor.get("/metrics").text)
    sign_ins = found.label_values("sign_ins_total", "outcome")
    assert {"signed_in", "registration_pending", "oauth_failed"} <= sign_ins
    checks = found.label_values("session_checks_total", "outcome")
    assert checks == {"live", "dead", "malformed", "unavailable"}


def test_a_scrape_carries_what_every_answer_carries(make_app: Callable[..., Any]) -> None:
    headers = Visitor(make_app()).get("/metrics", headers={"Origin": "https://grafana.example.com"}).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
