"""A real Prometheus over a real service, configured as docs/monitoring.md says."""

import json
import math
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.pages import Block, Command, Page
from tests.support.prometheus import Prometheus, promtool
from tests.support.scrape import scrape
from tests.support.service import ROOT, Service
from tests.support.waiting import until

MakeService = Callable[..., Service]

pytestmark = pytest.mark.full

OPS = ROOT / "ops"
PAGE = Page("monitoring.md")
INSIDE = PAGE.blocks("yaml", below="Scraping inside the network")
WITH_A_TOKEN = PAGE.blocks("yaml", below="Scraping with a token")
DASHBOARD = json.loads((OPS / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
TOKEN = "monitoring-0123456789"


def configuration(block: Block, service: Service) -> str:
    """The page's text, for this service, and in a hurry."""
    text = block.text.replace("connected-backend:3000", f"127.0.0.1:{service.port}")
    text = text.replace("scrape_interval: 15s", "scrape_interval: 1s")
    assert text.count("127.0.0.1") == text.count("1s") == 1
    text = text.replace("- alerts.yml", f"- {OPS}/prometheus/alerts.yml")
    return f"global:\n  evaluation_interval: 1s\n{text}"


def is_scraped(prometheus: Prometheus) -> bool:
    return [target["health"] for target in prometheus.targets()] == ["up"]


@contextmanager
def traffic(service: Service, database_url: str) -> Iterator[None]:
    """Requests of every kind: live sessions, none, malformed and dead ones, refusals, failed sign-ins."""
    cookie = "__Host-session"
    with ExitStack() as stack:
        for path, headers in (
            ("/auth/session", insert_live_session(database_url)),
            ("/auth/session", {"Cookie": f"{cookie}=malformed"}),
            ("/auth/session", {"Cookie": f"{cookie}={'x' * 43}"}),
            ("/auth/sessions", {}),
            ("/auth/session", {"Origin": "https://evil.example"}),
            ("/auth/callback/google?state=forged", {}),
            ("/nowhere", {}),
            ("/health/ready", {}),
        ):
            stack.enter_context(Load(service.port, path, fresh=1, headers=headers, pause=0.05))
        yield


@contextmanager
def watched(
    block: Block, make_service: MakeService, database_url: str, folder: Path
) -> Iterator[tuple[Service, Prometheus]]:
    """A service with traffic, and a Prometheus that the page's block makes scrape it."""
    service = make_service(RATE_LIMIT_NOT_FOUND="5/minute")
    service.wait_until_serving()
    with (
        Prometheus(configuration(block, service), folder) as prometheus,
        traffic(service, database_url),
    ):
        yield service, prometheus


def expressions() -> Iterator[tuple[str, str]]:
    """Title and query of each of the dashboard's, as Grafana would send it."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$job", "connected-backend").replace("$instance", ".*")
            yield panel["title"], re.sub(r"\$__rate_interval|5m", "10s", expression)


def has_data(prometheus: Prometheus, expression: str) -> bool:
    return any(not math.isnan(float(series["value"][1])) for series in prometheus.query(expression))


@pytest.mark.parametrize("block", INSIDE, ids=str)
def test_every_query_of_the_dashboard_finds_something(
    block: Block, make_service: MakeService, database_url: str, tmp_path: Path
) -> None:
    with watched(block, make_service, database_url, tmp_path) as (_, prometheus):
        for title, expression in expressions():
            until(
                lambda e=expression: has_data(prometheus, e),  # type: ignore[misc]
                seconds=30,
                what=f"data of {title}: {expression}",
            )
        refused = prometheus.query('http_requests_total{status="403"}')
        assert refused, "the traffic was to be refused, too"


@pytest.mark.parametrize("block", INSIDE, ids=str)
def test_every_rule_is_evaluated_and_none_fires_over_a_healthy_service(
    block: Block, make_service: MakeService, database_url: str, tmp_path: Path
) -> None:
    with watched(block, make_service, database_url, tmp_path) as (service, prometheus):

        def are_well_and_quiet() -> bool:
            rules = prometheus.rules()
            return all((rule["health"], rule["state"]) == ("ok", "inactive") for rule in rules)

        until(lambda: is_scraped(prometheus), seconds=30, what="a scrape")
        until(are_well_and_quiet, seconds=30, what="rules that are well and quiet")
        service.kill()
        until(
            lambda: any(rule["name"] == "ReplicaDown" and rule["alerts"] for rule in prometheus.rules()),
            seconds=30,
            what="ReplicaDown pending",
        )


@pytest.mark.parametrize("block", WITH_A_TOKEN, ids=str)
def test_scraping_with_a_token_works_as_documented(
    block: Block, make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(METRICS_TOKEN=TOKEN)
    service.wait_until_serving()
    (tmp_path / "metrics-token").write_text(TOKEN)
    with Prometheus(configuration(block, service), tmp_path) as prometheus:
        until(lambda: is_scraped(prometheus), seconds=30, what="a scrape with the token")
        assert prometheus.query("worker_processes")


@pytest.mark.parametrize("command", PAGE.commands(), ids=str)
def test_alerts_fire_when_they_should(command: Command) -> None:
    promtool("check", "rules", OPS / "prometheus" / "alerts.yml")
    [program, *arguments] = shlex.split(command.line)
    assert program == "promtool"
    assert "SUCCESS" in promtool(*arguments)


def test_promtool_has_nothing_to_say_about_the_metrics(make_service: MakeService, database_url: str) -> None:
    service = make_service()
    service.wait_until_serving()
    with traffic(service, database_url):
        until(lambda: scrape(service).has("database_up"), seconds=10, what="a look at the database")
        text = requests.get(f"{service.url}/metrics", timeout=5).text
    assert promtool("check", "metrics", text=text) == ""
