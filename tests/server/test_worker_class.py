"""WORKER_CLASS=gthread is a way out: gunicorn's own worker, without what ours does better."""

import signal
from collections.abc import Callable

import requests

from tests.support.service import Service
from tests.support.waiting import until
from tests.support.workers import wait_for_workers


def test_gunicorns_own_worker_serves_and_stops(make_service: Callable[..., Service]) -> None:
    service = make_service(WORKER_CLASS="gthread", WEB_CONCURRENCY="1")
    service.wait_until_serving()
    [worker] = wait_for_workers(service, 1)
    until(lambda: "Using worker: gthread" in service.messages(), seconds=5, what="its line")
    assert requests.get(f"{service.url}/health/ready", timeout=10).status_code == 200
    too_long = {"Cookie": "a=" + "x" * 9000}
    assert requests.get(f"{service.url}/health", headers=too_long, timeout=10, stream=True).status_code == 431
    worker.terminate()
    wait_for_workers(service, 1, without=frozenset({worker.pid}))
    service.signal(signal.SIGTERM)
    assert service.wait(30) == 0


def test_ours_is_the_default(make_service: Callable[..., Service]) -> None:
    service = make_service(WEB_CONCURRENCY="1")
    service.wait_until_serving()
    until(lambda: "Using worker: app.server.worker.Worker" in service.messages(), seconds=5, what="its line")


def test_another_worker_is_a_wrong_setting(make_service: Callable[..., Service]) -> None:
    service = make_service(WORKER_CLASS="gevent")
    assert service.wait(30) == 78
    assert "WORKER_CLASS: must be one of ours, gthread" in service.output
