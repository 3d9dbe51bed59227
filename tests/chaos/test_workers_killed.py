"""A random worker is killed with -9 every second, as a kernel short of memory does."""

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.limits import RECOVERY_LIMIT
from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.compose_proxy import ComposeProxy
from tests.support.service import Service
from tests.support.steady_load import Answer, SteadyLoad

KILLS = 20


@dataclass(frozen=True, slots=True)
class Death:
    """Monotonic seconds: a process that was sent SIGKILL still has its connections until it is gone."""

    killed_at: float
    gone_at: float

    def hit(self, answer: Answer) -> bool:
        return answer.sent_at <= self.gone_at and answer.ended_at >= self.killed_at


def kill_a_worker_a_second(services: list[Service], load: SteadyLoad) -> list[Death]:
    """Returns once the last one is gone."""
    chance = random.Random(0)  # noqa: S311  # so that a run can be repeated
    deaths = []
    for _ in range(KILLS):
        load.run(1)
        victim = chance.choice(chance.choice(services).workers())
        killed_at = time.monotonic()
        victim.send_signal(signal.SIGKILL)
        victim.wait(5)
        deaths.append(Death(killed_at, time.monotonic()))
    return deaths


def test_only_what_a_killed_worker_was_answering_is_lost(
    service: Service, database_url: str, recording: Recording
) -> None:
    people = make_people(database_url)
    with SteadyLoad(service.port, people) as load:
        deaths = kill_a_worker_a_second([service], load)
        recovered = load.seconds_to_recover(deaths[-1].gone_at, limit=RECOVERY_LIMIT)
    assert recovered < RECOVERY_LIMIT
    for answer in load.failed:
        assert (answer.status, answer.wrong) == (None, ""), answer
        assert any(death.hit(answer) for death in deaths), answer
    # Those it was answering, and those that came on its connections until the kernel had closed them.
    assert len(load.failed) <= 5 * KILLS
    lost = lost_rows(database_url, people)
    assert lost == []
    check_restarts([service], len(deaths))
    recording.result("a worker killed every second", load.answers, lost_rows=lost, recovered=recovered)


def test_behind_the_proxy_no_get_is_lost(
    replicas: list[Service], database_url: str, tmp_path: Path, recording: Recording
) -> None:
    people = make_people(database_url)
    with (
        ComposeProxy([replica.port for replica in replicas], folder=tmp_path) as proxy,
        SteadyLoad(proxy.port, people) as load,
    ):
        deaths = kill_a_worker_a_second(replicas, load)
        recovered = load.seconds_to_recover(deaths[-1].gone_at, limit=RECOVERY_LIMIT)
    assert recovered < RECOVERY_LIMIT
    assert [answer for answer in load.failed if answer.method == "GET"] == []
    assert {answer.status for answer in load.failed} <= {502}
    assert [answer for answer in load.failed if answer.wrong] == []
    lost = lost_rows(database_url, people)
    assert lost == []
    check_restarts(replicas, len(deaths))
    cause = "a worker killed every second, two replicas behind Caddy"
    recording.result(cause, load.answers, lost_rows=lost, recovered=recovered)


def check_restarts(services: list[Service], deaths: int) -> None:
    """One start for each death, and no more."""
    assert all(service.is_running for service in services)
    messages = [message for service in services for message in service.messages()]
    starts = sum(message.startswith("Booting worker") for message in messages)
    assert starts == 2 * len(services) + deaths
