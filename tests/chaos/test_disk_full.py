"""The temporary folder and /dev/shm without a byte of room, before the start and under load."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.scrape import scrape
from tests.support.service import Service
from tests.support.small_disks import SHM, on_small_disks
from tests.support.steady_load import SteadyLoad
from tests.support.workers import wait_for_workers

MakeService = Callable[..., Service]

NO_ROOM = 69
ROOM = "7m"
"""For the metrics of two workers, and little more."""


def fill_up(service: Service, folder: str) -> None:
    """To the last byte, from outside."""
    with Path(f"/proc/{service.pid}/root{folder}/filler").open("ab", buffering=0) as filler:
        for size in (1 << 16, 1):
            with suppress(OSError):
                while True:
                    filler.write(bytes(size))
    assert shutil.disk_usage(f"/proc/{service.pid}/root{folder}").free == 0


def check_all_served(service: Service, database_url: str) -> tuple[SteadyLoad, list[str]]:
    """Everybody is, by the workers that are there."""
    people = make_people(database_url)
    pids = {worker.pid for worker in wait_for_workers(service, 2)}
    with SteadyLoad(service.port, people) as load:
        load.run(4)
    assert load.failed == []
    lost = lost_rows(database_url, people)
    assert lost == []
    assert {worker.pid for worker in service.workers()} == pids
    return load, lost


def test_a_full_disk_under_load_is_noticed_by_nobody(
    make_service: MakeService, database_url: str, tmp_path: Path, recording: Recording
) -> None:
    command = on_small_disks(tmp="64k", shm=ROOM)
    service = make_service(WEB_CONCURRENCY="2", command=command, TMPDIR=str(tmp_path))
    service.wait_until_serving()
    for folder in (str(tmp_path), SHM):
        fill_up(service, folder)
    load, lost = check_all_served(service, database_url)
    [victim, _] = service.workers()
    victim.kill()
    wait_for_workers(service, 2, without=frozenset({victim.pid}))
    check_all_served(service, database_url)
    assert scrape(service).value("http_requests_total") >= len(load.answers)
    recording.result("the disks of `/tmp` and `/dev/shm` full", load.answers, lost_rows=lost, recovered=None)


def test_a_start_without_room_in_dev_shm_takes_tmp_and_says_so(
    make_service: MakeService, database_url: str, tmp_path: Path
) -> None:
    command = on_small_disks(tmp=ROOM, shm="64k", fill=(SHM,))
    service = make_service(WEB_CONCURRENCY="2", command=command, TMPDIR=str(tmp_path))
    service.wait_until_serving()
    assert f"No room in /dev/shm: the metrics are in {tmp_path}" in service.messages()
    check_all_served(service, database_url)


def test_a_start_without_any_room_ends_and_says_where_there_is_none(
    make_service: MakeService, tmp_path: Path
) -> None:
    # With room for what tempfile tries a folder with.
    command = on_small_disks(tmp="64k", shm="64k", fill=(SHM,))
    service = make_service(WEB_CONCURRENCY="2", command=command, TMPDIR=str(tmp_path))
    assert service.wait() == NO_ROOM
    message = service.messages()[-1]
    assert message == (
        f"No room for the metrics in /dev/shm: No space left on device; {tmp_path}: No space left on device"
    )
    assert not any(text.startswith("Booting worker") for text in service.messages())


def test_a_start_needs_no_room_in_tmp(make_service: MakeService, database_url: str, tmp_path: Path) -> None:
    command = on_small_disks(tmp="64k", shm=ROOM, fill=("$TMPDIR",))
    service = make_service(WEB_CONCURRENCY="2", command=command, TMPDIR=str(tmp_path))
    service.wait_until_serving()
    check_all_served(service, database_url)
