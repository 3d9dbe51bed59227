"""Admitted = burst + rate x time, give or take one, whatever the workers and whatever befalls them."""

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial

import psutil
import pytest
import requests

from tests.support.admission import Admission
from tests.support.load import NOTHING, Load, Outcome
from tests.support.redis import Redis
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

BURST, RATE = 300, 30.0
LIMIT = {"RATE_LIMIT": "300/10seconds"}
LONG = 20.0
SHORT = 3.0


def load_for(
    seconds: float,
    services: Sequence[Service],
    meanwhile: Callable[[], object],
    headers: Mapping[str, str] = NOTHING,
    pause: float = 0.0,
) -> list[Outcome]:
    """What comes of asking for more than is allowed, from many threads, for so long."""
    with ExitStack() as stack:
        loads = [
            stack.enter_context(Load(service.port, "/", fresh=4, kept=4, headers=headers, pause=pause))
            for service in services
        ]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            meanwhile()
            time.sleep(0.1)
        # A slow machine may not even have spent the burst.
        until(lambda: any(429 in load.statuses() for load in loads), seconds=60, what="a refusal")
    return [outcome for load in loads for outcome in load.outcomes]


def start(make_service: MakeService, workers: int, **environ: str) -> Service:
    service = make_service(WEB_CONCURRENCY=str(workers), **LIMIT, **environ)
    service.wait_until_serving()
    wait_for_workers(service, workers)
    return service


def assert_exact(outcomes: Sequence[Outcome], *, without: int = 0) -> None:
    """Give or take one, and so many that were decided without the common store."""
    assert Counter(outcome.status for outcome in outcomes).keys() == {200, 429}
    admission = Admission.of(outcomes)
    least, most = admission.least(BURST, RATE) - without, admission.most(BURST, RATE) + without
    assert least <= admission.admitted <= most, (admission, without)


def nothing() -> None:
    pass


def test_two_workers_count_together(make_service: MakeService) -> None:
    assert_exact(load_for(SHORT, [start(make_service, 2)], nothing))


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_so_do_any_number_for_longer(make_service: MakeService, workers: int) -> None:
    assert_exact(load_for(LONG, [start(make_service, workers)], nothing))


@pytest.mark.full
def test_recycled_workers_leave_the_count_to_their_successors(make_service: MakeService) -> None:
    service = start(make_service, 2, GUNICORN_CMD_ARGS="--max-requests 500 --max-requests-jitter 100")
    first = {worker.pid for worker in service.workers()}
    outcomes = load_for(LONG, [service], nothing)
    assert not first & {worker.pid for worker in service.workers()}, "nobody was recycled"
    assert_exact(outcomes)


@pytest.mark.full
def test_reloaded_workers_leave_the_count_to_their_successors(make_service: MakeService) -> None:
    service = start(make_service, 2)
    reloads: list[float] = []

    def reload() -> None:
        if not reloads or time.monotonic() - reloads[-1] > 3:
            service.signal(signal.SIGHUP)
            reloads.append(time.monotonic())

    outcomes = load_for(LONG, [service], reload)
    assert len(reloads) > 5
    assert_exact(outcomes)


@pytest.mark.full
def test_killed_workers_never_mean_more_and_fewer_only_by_what_was_in_their_hands(
    make_service: MakeService,
) -> None:
    service = start(make_service, 4)
    kills: list[float] = []

    def kill_somebody() -> None:
        if kills and time.monotonic() - kills[-1] < 0.7:
            return
        with suppress(psutil.NoSuchProcess, IndexError):
            random.choice(service.workers()).kill()  # noqa: S311  # any will do
            kills.append(time.monotonic())

    outcomes = load_for(LONG, [service], kill_somebody)
    lost = [outcome for outcome in outcomes if outcome.status is None]
    admission = Admission.of(outcomes)
    assert len(kills) > 15
    assert admission.admitted <= admission.most(BURST, RATE), admission
    assert admission.admitted + len(lost) >= admission.least(BURST, RATE), (admission, len(lost))


@pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.full)])
def test_two_replicas_over_one_redis_count_together(
    make_service: MakeService, redis: Redis, seconds: float
) -> None:
    services = [start(make_service, 2, REDIS_URL=redis.url) for _ in range(2)]
    before = fallbacks(services)
    # Several times the rate, and no more: Redis has 40 ms to answer, on the processors that ask, too.
    outcomes = load_for(seconds, services, nothing, headers={"X-Forwarded-For": "203.0.113.7"}, pause=0.02)
    # On a machine that stalls, some decisions are made without Redis; without stalls there are none.
    assert_exact(outcomes, without=fallbacks(services) - before)


def fallbacks(services: Sequence[Service]) -> int:
    """How many decisions were made without Redis, as the services' metrics say."""
    pages = [requests.get(f"{service.url}/metrics", timeout=10).text for service in services]
    found = [re.search(r"^rate_limit_fallbacks_total (\S+)$", page, re.MULTILINE) for page in pages]
    return sum(int(float(match[1])) for match in found if match)


@pytest.mark.full
def test_who_stays_a_little_below_the_rate_is_never_refused(make_service: MakeService) -> None:
    service = start(make_service, 2)
    with Load(service.port, "/", kept=8) as load:
        until(lambda: 429 in load.statuses(), seconds=30, what="the burst to be spent")
    # What one second brings is there for the unpunctual; the rest has to come while they ask.
    began = time.monotonic() + 1.0
    clients = 4
    with ThreadPoolExecutor(clients) as threads:
        pace = partial(ask_at_a_pace, service, pause=clients / (0.95 * RATE), until=began + LONG)
        starts = [began + number / (0.95 * RATE) for number in range(clients)]
        statuses = [status for asked in threads.map(pace, starts) for status in asked]
    assert len(statuses) > 0.9 * 0.95 * RATE * LONG
    assert Counter(statuses).keys() == {200}


def ask_at_a_pace(service: Service, begin: float, *, pause: float, until: float) -> list[int]:
    """Asks at moments that do not wait for late answers; returns the statuses."""
    statuses = []
    moment = begin
    with requests.Session() as session:
        while moment < until:
            time.sleep(max(moment - time.monotonic(), 0))
            statuses.append(session.get(service.url, timeout=10).status_code)
            moment += pause
    return statuses
