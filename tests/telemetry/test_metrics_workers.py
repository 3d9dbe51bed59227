"""One set of figures for all workers, whatever becomes of each."""

import os
import signal
import threading
from collections.abc import Callable

import psycopg
import pytest
import requests

from tests.support.live_session import insert_live_session
from tests.support.load import Load
from tests.support.scrape import Scrape, metrics_files, metrics_folder, scrape
from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

WORKERS = 2
RECYCLED_AFTER = 20
RECYCLING = {
    "WEB_CONCURRENCY": str(WORKERS),
    "GUNICORN_CMD_ARGS": f"--max-requests={RECYCLED_AFTER} --max-requests-jitter=0",
}


def answered(service: Service, requests_made: int) -> int:
    """How many requests for / were answered, of so many made one after the other."""
    count = 0
    for _ in range(requests_made):
        try:
            count += requests.get(f"{service.url}/", timeout=10).status_code == 200
        except requests.ConnectionError:
            continue
    return count


def count_over_recycles(service: Service, recycles: int) -> None:
    """Fails unless counters grow by exactly what was answered while so many workers are replaced."""
    wait_for_workers(service, WORKERS)
    before = first = scrape(service)
    folder = metrics_folder(service)
    files = metrics_files(folder)
    made, count = 0, 0
    while before.value("worker_starts_total") < first.value("worker_starts_total") + recycles:
        made += RECYCLED_AFTER
        count += answered(service, RECYCLED_AFTER)
        now = scrape(service)
        assert now.fallen_since(before) == []
        before = now
    until(lambda: metrics_files(folder) == files, seconds=10, what=f"the files {files}")
    counted = before.value("http_requests_total", route="/", status="200")
    assert count <= counted <= made
    assert counted == before.value("http_request_duration_seconds_count", route="/")
    assert count >= made - recycles // 10, "too many lost for the count to tell anything"


def test_counters_are_exact_while_workers_are_recycled(make_service: MakeService) -> None:
    service = make_service(**RECYCLING)
    service.wait_until_serving()
    count_over_recycles(service, 6)


@pytest.mark.full
def test_counters_are_exact_over_a_hundred_recycled_workers(make_service: MakeService) -> None:
    service = make_service(**RECYCLING)
    service.wait_until_serving()
    count_over_recycles(service, 100)


def test_a_killed_worker_takes_no_count_with_it_and_leaves_no_request_in_progress(
    make_service: MakeService,
) -> None:
    service = make_service(WEB_CONCURRENCY=str(WORKERS))
    service.wait_until_serving()
    wait_for_workers(service, WORKERS)
    before = scrape(service)
    files = metrics_files(metrics_folder(service))
    with Load(service.port, "/auth/session", fresh=4) as load:
        for _ in range(5):
            victim = wait_for_workers(service, WORKERS)[0]
            os.kill(victim.pid, signal.SIGKILL)
            wait_for_workers(service, WORKERS, without=frozenset({victim.pid}))
            now = scrape(service)
            assert now.fallen_since(before) == []
            before = now
    wait_for_workers(service, WORKERS)
    sent = sum(1 for outcome in load.outcomes if outcome.status == 200)
    after = scrape(service)
    counted = after.value("http_requests_total", route="/auth/session", status="200")
    assert sent <= counted <= sent + len(load.lost)
    assert after.value("http_requests_in_progress") == 1, "the scrape itself"
    assert after.value("worker_processes") == WORKERS
    assert metrics_files(metrics_folder(service)) == files


def test_requests_that_died_with_their_worker_are_in_progress_no_more(
    make_service: MakeService, database_url: str
) -> None:
    service = make_service(WEB_CONCURRENCY="1")
    service.wait_until_serving()
    victim = wait_for_workers(service, 1)[0]
    headers = insert_live_session(database_url)
    with psycopg.connect(database_url) as lock:
        lock.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        with Load(service.port, "/auth/session", fresh=3, headers=headers, pause=0.1):
            until(
                lambda: scrape(service).value("http_requests_in_progress") == 4,
                seconds=10,
                what="three requests and the scrape in progress",
            )
            os.kill(victim.pid, signal.SIGKILL)
        lock.rollback()
    wait_for_workers(service, 1, without=frozenset({victim.pid}))

    def is_idle() -> bool:
        found = scrape(service)
        names = ("http_requests_in_progress", "database_pool_connections_in_use", "database_pool_waiting")
        return [found.value(name) for name in names] == [1, 0, 0]

    until(is_idle, seconds=10, what="nothing in progress but the scrape")


def test_sighup_keeps_the_counts_and_adds_no_files_the_second_time(make_service: MakeService) -> None:
    service = make_service(WEB_CONCURRENCY=str(WORKERS))
    service.wait_until_serving()
    before = scrape(service)
    folder = metrics_folder(service)
    counts: list[int] = []
    for _ in range(4):
        old = frozenset(worker.pid for worker in wait_for_workers(service, WORKERS))
        assert answered(service, 10) == 10
        service.signal(signal.SIGHUP)
        wait_for_workers(service, WORKERS, without=old)
        until(
            lambda old=old: not old & {worker.pid for worker in service.workers()},  # type: ignore[misc]
            seconds=20,
            what="the end of the old workers",
        )
        now = scrape(service)
        assert now.fallen_since(before) == []
        assert now.value("worker_processes") == WORKERS
        assert metrics_folder(service) == folder
        counts.append(len(metrics_files(folder)))
        before = now
    assert before.value("http_requests_total", route="/") == 40
    assert counts[1] == counts[2] == counts[3]


def test_every_worker_tells_the_same(make_service: MakeService) -> None:
    service = make_service(WEB_CONCURRENCY="3")
    service.wait_until_serving()
    wait_for_workers(service, 3)
    barrier = threading.Barrier(12)
    tellers: list[Scrape] = []

    def ask() -> None:
        barrier.wait()
        tellers.append(scrape(service))

    assert answered(service, 30) == 30
    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {told.value("http_requests_total", route="/") for told in tellers} == {30}
    assert {told.value("worker_processes") for told in tellers} == {3}


def test_two_services_on_one_host_count_apart_and_clean_up_after_a_crash(make_service: MakeService) -> None:
    one, two = make_service(), make_service()
    one.wait_until_serving()
    two.wait_until_serving()
    folders = [metrics_folder(one), metrics_folder(two)]
    assert answered(one, 5) == 5
    assert answered(two, 3) == 3
    assert scrape(one).value("http_requests_total", route="/") == 5
    assert scrape(two).value("http_requests_total", route="/") == 3
    one.kill()
    assert folders[0].exists(), "killed, it could not clean up"
    three = make_service()
    three.wait_until_serving()
    assert not folders[0].exists()
    assert scrape(two).value("http_requests_total", route="/") == 3
    two.signal(signal.SIGTERM)
    two.wait()
    assert not folders[1].exists()
    assert scrape(three).value("http_requests_total", route="/") == 0
