"""docs/scaling.md: the arithmetic of connections, and that the service keeps to it."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from app.openapi.page import load_page
from app.web.json_body import MAX_BODY_BYTES
from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.pages import Block, Page, rows
from tests.support.service import ROOT, Service
from tests.support.traefik import labels_as_a_tree
from tests.support.waiting import until

PAGE = Page("scaling.md")
CADDYFILE = ROOT / "ops" / "caddy" / "Caddyfile"
CADDYS_RESPONSE_BUFFER = 2 * 1024 * 1024
OURS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'connected-backend' AND datname = current_database()
"""


def test_the_table_of_connections_adds_up() -> None:
    table = [[int(cell) for cell in row] for row in rows(PAGE.section("Connections"))]
    assert table
    for replicas, workers, pool, at_most, while_replaced in table:
        assert at_most == replicas * workers * pool
        assert while_replaced == (replicas + 1) * workers * pool


def test_postgresql_keeps_as_many_connections_for_superusers_as_it_says(
    connection: psycopg.Connection[Any],
) -> None:
    assert connection.execute("SHOW superuser_reserved_connections").fetchone() == ("3",)
    assert "3 of them for superusers alone" in PAGE.text


def test_under_load_a_replica_opens_workers_times_pool_connections_and_no_more(
    make_service: Callable[..., Service], connection: psycopg.Connection[Any], database_url: str
) -> None:
    service = make_service(WEB_CONCURRENCY="2", WEB_THREADS="8", DB_POOL_MAX="3")
    service.wait_until_serving()
    counts = set()

    def has_grown() -> bool:
        row = connection.execute(OURS).fetchone()
        counts.add(row[0] if row else 0)
        return max(counts) >= 2 * 3

    session = insert_live_session(database_url)
    with Load(service.port, "/auth/sessions", fresh=24, headers=session) as load:
        until(has_grown, seconds=30, what="as many connections as there may be")
        for _ in range(50):
            has_grown()
    assert max(counts) == 2 * 3
    assert load.statuses() == {200}


@pytest.mark.parametrize("labels", PAGE.blocks("properties"), ids=str)
def test_the_labels_for_traefik_keep_as_much_as_a_body_may_have(labels: Block) -> None:
    tree = labels_as_a_tree(labels.text)
    [(name, middleware)] = tree["middlewares"].items()
    assert middleware == {
        "buffering": {
            "maxRequestBodyBytes": str(MAX_BODY_BYTES),
            "memRequestBodyBytes": str(MAX_BODY_BYTES),
            "memResponseBodyBytes": str(CADDYS_RESPONSE_BUFFER),
        }
    }
    assert max(len(asset.content) for asset in load_page().assets.values()) < CADDYS_RESPONSE_BUFFER
    assert f"response_buffers {CADDYS_RESPONSE_BUFFER // 1024**2}MiB" in CADDYFILE.read_text(encoding="utf-8")
    assert tree["routers"]["https-0-RESOURCE"]["middlewares"].split(",")[-1] == name
