"""Slots: numbers that workers take over from one another, and the files named by them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values
from prometheus_client.exposition import generate_latest

from app.middleware.observation import COUNTED_METHODS
from app.telemetry.metrics import Metrics
from app.telemetry.metrics_files import (
    FOLDER_VARIABLE,
    forget_worker,
    free_slot,
    reserve_slot,
    shared_registry,
    use_slot,
)
from app.web.problems import CODES_BY_STATUS, INTERNAL_ERROR, INVALID_REQUESTS, PROBLEMS
from tests.support.described import document
from tests.support.scrape import Scrape

StartWorker = Callable[[int], Metrics]

DOCUMENT = document()
ANSWERS = {
    *(200, 201, 204, 302, 303),
    *(status for status, *_ in [*PROBLEMS.values(), INTERNAL_ERROR]),
    *CODES_BY_STATUS,
    *(int(status) for status, _ in INVALID_REQUESTS.values()),
}
"""Every status there is; not all of them on every route."""


@pytest.fixture
def start_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartWorker]:
    """What a new worker makes in its slot; here all of them are one process."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    used: list[Any] = []

    def start(slot: int) -> Metrics:
        use_slot(slot, tmp_path)
        used.append(values.ValueClass)
        return Metrics(shared_registry(tmp_path), is_shared=True)

    yield start
    for value_class in used:
        value_class.close_all_files()


def read(metrics: Metrics) -> Scrape:
    return Scrape.parse(generate_latest(metrics.registry).decode())


@pytest.mark.parametrize(
    ("taken", "free"), [([], 0), ([0], 1), ([1], 0), ([0, 1, 2], 3), ([0, 2], 1), ([7, 0], 1), ([1, 2, 3], 0)]
)
def test_a_new_worker_gets_the_lowest_slot_nobody_has(taken: list[int], free: int) -> None:
    assert free_slot(taken) == free


def test_what_workers_count_is_added_up_whoever_is_asked(start_worker: StartWorker) -> None:
    workers = [start_worker(slot) for slot in range(3)]
    for worker in workers:
        worker.requests.labels("GET", "/", "200").inc(5)
        worker.request_seconds.labels("GET", "/").observe(0.02)
        worker.requests_in_progress.inc()
    for worker in workers:
        found = read(worker)
        assert found.value("http_requests_total", route="/") == 15
        assert found.value("http_request_duration_seconds_count") == 3
        assert found.value("http_request_duration_seconds_bucket", le="0.025") == 3
        assert found.value("http_requests_in_progress") == 3


def test_the_next_worker_goes_on_where_the_last_one_ended(start_worker: StartWorker, tmp_path: Path) -> None:
    start_worker(0).requests.labels("GET", "/", "200").inc(5)
    files = {file.name for file in tmp_path.iterdir()}
    forget_worker(0, tmp_path)
    successor = start_worker(0)
    assert read(successor).value("http_requests_total", route="/") == 5
    successor.requests.labels("GET", "/", "200").inc()
    assert read(successor).value("http_requests_total", route="/") == 6
    assert {file.name for file in tmp_path.iterdir()} == files


def test_a_dead_worker_keeps_its_counts_and_loses_what_was_going_on(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    dead, alive = start_worker(0), start_worker(1)
    for worker in (dead, alive):
        worker.requests.labels("GET", "/", "200").inc()
        worker.requests_in_progress.inc()
        worker.pool_connections.set(4)
    dead.migrations_applied.set(7)
    forget_worker(0, tmp_path)
    found = read(alive)
    assert found.value("http_requests_total") == 2
    assert found.value("http_requests_in_progress") == 1
    assert found.value("database_pool_connections") == 4
    assert found.value("migrations_applied") == 7


def test_the_latest_look_at_the_database_counts(start_worker: StartWorker) -> None:
    first, second = start_worker(0), start_worker(1)
    first.database_up.set(1)
    second.database_up.set(0)
    assert read(first).value("database_up") == 0
    first.database_up.set(1)
    assert read(second).value("database_up") == 1


def test_a_file_that_was_created_and_not_yet_filled_disturbs_no_scrape(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker(0)
    worker.database_outages.inc()
    (tmp_path / "counter_1.db").touch()
    (tmp_path / "gauge_livesum_1.db").touch()
    assert read(worker).value("database_outages_total") == 1


def test_a_slot_has_room_for_every_series_there_can_be(start_worker: StartWorker, tmp_path: Path) -> None:
    reserve_slot(0, tmp_path)
    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    worker = start_worker(0)
    worker.expect_sign_ins(f"{number}{'a' * 30}" for number in range(10, 30))
    for method in (*COUNTED_METHODS, "OTHER"):
        for route in (*DOCUMENT["paths"], "unmatched"):
            worker.request_seconds.labels(method, route).observe(0)
            for status in ANSWERS:
                worker.requests.labels(method, route, str(status)).inc()
    # No file more, and none that grew: those would be of holes.
    assert {file.name: file.stat().st_size for file in tmp_path.iterdir()} == sizes
    assert all(file.stat().st_blocks * 512 >= file.stat().st_size for file in tmp_path.iterdir())


def test_a_slot_that_was_given_back_needs_no_room_again(start_worker: StartWorker, tmp_path: Path) -> None:
    reserve_slot(0, tmp_path)
    taken = {file.name: file.stat().st_blocks for file in tmp_path.iterdir()}
    start_worker(0).requests_in_progress.inc()
    forget_worker(0, tmp_path)
    assert {file.name: file.stat().st_blocks for file in tmp_path.iterdir()} == taken
    assert not read(start_worker(0)).value("http_requests_in_progress")
