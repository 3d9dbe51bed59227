"""docs/monitoring.md, the alerts and the dashboard name what there is."""

import json
import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from app.telemetry.metrics import Metrics
from tests.support.service import ROOT

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
RULES = (ROOT / "ops" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
RULE_TESTS = (ROOT / "ops" / "prometheus" / "alerts_test.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "ops" / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = re.findall(r"alert: (\w+)", RULES)


def metrics() -> Iterator[tuple[str, str, str, str]]:
    """Name, type, labels and meaning of each metric the code has, in its order."""
    for metric in vars(Metrics(CollectorRegistry())).values():
        if isinstance(metric, MetricWrapperBase):
            family = next(iter(metric.describe()))
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001  # told nowhere else
            yield f"`{name}`", family.type, labels, family.documentation


def queries() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def series_names() -> set[str]:
    """Every name that a query may use."""
    names = {"up"}
    for quoted, kind, *_ in metrics():
        name = quoted.strip("`")
        suffixes = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        names |= {f"{name}{suffix}" for suffix in suffixes}
    return names


def test_the_page_has_a_row_for_each_metric_and_no_other() -> None:
    lines = [line for line in PAGE.splitlines() if re.match(r"\| `\w+` \| \w+ \| ", line)]
    assert [tuple(line.strip("| ").split(" | ")) for line in lines] == list(metrics())


def test_alerts_and_dashboard_use_metrics_that_exist() -> None:
    known = series_names()
    for text in [*queries(), *re.findall(r"expr: (.*?)\n        for:", RULES, re.DOTALL)]:
        used = set(re.findall(r"\b([a-z_]+)\s*\{", text))
        assert used, text
        assert used <= known, text


def test_every_metric_is_on_the_dashboard() -> None:
    text = " ".join(queries())
    for quoted, *_ in metrics():
        assert quoted.strip("`") in text, quoted


def test_every_alert_says_what_it_is_about_and_where_to_read_on() -> None:
    rules = RULES.split("- alert: ")[1:]
    assert len(rules) == len(set(ALERTS)) == len(ALERTS)
    for name, rule in zip(ALERTS, rules, strict=True):
        assert "summary: " in rule, name
        assert "description: " in rule, name
        assert f"runbook: docs/operations.md#{name.lower()}\n" in rule, name
        assert re.search(r"severity: (critical|warning)\n", rule), name
        assert name in PAGE, name


def test_every_alert_is_tested_both_ways() -> None:
    cases = re.findall(r"alertname: (\w+)\n\s+exp_alerts:( \[\])?", RULE_TESTS)
    for name in ALERTS:
        assert {quiet for alert, quiet in cases if alert == name} == {"", " []"}, name
