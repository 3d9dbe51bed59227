"""The service whose Redis comes and goes: people notice nothing, operators one line."""

from collections.abc import Callable

import pytest

from tests.support.load import Load
from tests.support.redis import Redis
from tests.support.scrape import scrape
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

AWAY = "Redis is away: this replica keeps the limits alone"
BACK = "Redis is back: the replicas keep the limits together"


OUTAGES: dict[str, tuple[Callable[[Redis], None], Callable[[Redis], None]]] = {
    "stopped": (Redis.stop, Redis.start),
    "frozen": (Redis.freeze, Redis.thaw),
    "full": (Redis.fill, Redis.make_room),
    "locked": (Redis.change_password, Redis.change_password_back),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_no_request_fails_and_the_log_says_so_once_each_way(
    make_service: Callable[..., Service], redis: Redis, outage: str
) -> None:
    begin, end = OUTAGES[outage]
    service = make_service(WEB_CONCURRENCY="2", REDIS_URL=redis.url)
    service.wait_until_serving()
    wait_for_workers(service, 2)
    with Load(service.port, "/", fresh=4) as load:
        until(lambda: len(load.outcomes) > 50, seconds=20, what="load")
        begin(redis)
        until(lambda: AWAY in service.messages(), seconds=5, what="the log to say so")
        asked = len(load.outcomes)
        until(lambda: len(load.outcomes) > asked + 50, seconds=20, what="load without Redis")
        end(redis)
        until(lambda: BACK in service.messages(), seconds=5, what="the log to say so")
        asked = len(load.outcomes)
        until(lambda: len(load.outcomes) > asked + 50, seconds=20, what="load with Redis again")
    assert load.statuses() == {200}
    assert scrape(service).value("rate_limit_fallbacks_total") >= 50
    said = [message for message in service.messages() if "Redis" in message]
    # On a machine that stalls it may happen again; never does one worker repeat what the other has said. Each
    # writes its own lines, so those of one moment come in any order.
    assert said[0] == AWAY
    assert said.count(AWAY) - said.count(BACK) in {0, 1}


def test_a_start_does_not_wait_for_redis(make_service: Callable[..., Service]) -> None:
    with Redis() as redis:
        url = redis.url
    service = make_service(WEB_CONCURRENCY="2", REDIS_URL=url)
    service.wait_until_serving()
    with Load(service.port, "/", fresh=2) as load:
        until(lambda: len(load.outcomes) > 50, seconds=20, what="load")
    assert load.statuses() == {200}
    assert [message for message in service.messages() if "Redis" in message] == [AWAY]
