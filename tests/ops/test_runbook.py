"""docs/operations.md has a section for each alert, and asks Prometheus for what there is."""

import re
from pathlib import Path

import pytest

from tests.support.pages import Block, Page
from tests.support.prometheus import Prometheus
from tests.support.service import ROOT
from tests.telemetry.test_metrics_docs import series_names

PAGE = Page("operations.md")
RULES = (ROOT / "ops" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
ALERTS = re.findall(r"alert: (\w+)", RULES)
QUERIES = PAGE.blocks("promql")


def test_each_alert_leads_to_its_section_and_the_sections_stand_in_its_order() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.text, re.MULTILINE)
    assert headings[: len(ALERTS)] == ALERTS
    assert re.findall(r"runbook: (.+)", RULES) == [f"docs/operations.md#{name.lower()}" for name in ALERTS]


@pytest.mark.parametrize("alert", ALERTS)
def test_each_section_says_what_to_type(alert: str) -> None:
    assert re.search(r"```(sh|sql|promql)\n", PAGE.section(alert))


def test_what_comes_without_an_alert_has_its_section_too() -> None:
    for heading in ("Rotating secrets", "A stuck migration", "A worker is killed", "Disk full"):
        assert PAGE.section(heading)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_section_looks_at_the_routes_that_its_alert_looks_at(alert: str) -> None:
    rule = RULES.partition(f"alert: {alert}\n")[2].partition("- alert: ")[0]
    left_out = set(re.findall(r'route!~"[^"]+"', rule))
    assert left_out == set(re.findall(r'route!~"[^"]+"', PAGE.section(alert)))


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_asks_for_metrics_that_exist(query: Block) -> None:
    used = set(re.findall(r"\b([a-z_]+)\{", query.text))
    assert used
    assert used <= series_names()


@pytest.mark.full
@pytest.mark.parametrize("queries", [QUERIES], ids=["all"])
def test_prometheus_understands_the_queries(queries: list[Block], tmp_path: Path) -> None:
    with Prometheus("scrape_configs: []\n", tmp_path) as prometheus:
        for query in queries:
            prometheus.query(query.text)
