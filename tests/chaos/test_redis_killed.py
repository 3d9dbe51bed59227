"""Redis is killed with -9, and comes back with nothing in it."""

import time
from collections.abc import Callable

from tests.chaos.limits import RECOVERY_LIMIT
from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.redis import Redis
from tests.support.service import Service
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

AWAY = 5.0


def test_nobody_notices_that_redis_is_killed(
    make_service: Callable[..., Service], database_url: str, recording: Recording
) -> None:
    people = make_people(database_url)
    with Redis() as redis:
        service = make_service(WEB_CONCURRENCY="2", REDIS_URL=redis.url)
        service.wait_until_serving()
        wait_for_workers(service, 2)
        with SteadyLoad(service.port, people) as load:
            load.run(2)
            redis.stop()
            load.run(AWAY)
            redis.start()
            back_at = time.monotonic()
            until(lambda: redis.call("DBSIZE") > 0, seconds=RECOVERY_LIMIT, what="limits in Redis again")
            recovered = load.seconds_to_recover(back_at, limit=RECOVERY_LIMIT)
    assert load.failed == []
    lost = lost_rows(database_url, people)
    assert lost == []
    recording.result("Redis killed, away for 5 s", load.answers, lost_rows=lost, recovered=recovered)
