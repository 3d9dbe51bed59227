"""slowhttptest's clients beside people who use the service."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.chaos.fronts import PROXIES, STRAIGHT, front
from tests.chaos.limits import RECOVERY_LIMIT
from tests.chaos.people import lost_rows, make_people
from tests.chaos.recording import Recording
from tests.support.service import Service
from tests.support.steady_load import SteadyLoad

CLIENTS = "200"
SECONDS = "3"
ATTACKS = {
    "slow headers": ["-H", "-i", "1", "-x", "16"],
    "slow bodies": ["-B", "-i", "1", "-x", "16", "-s", "60000"],
    "slow reading": ["-X", "-k", "10", "-w", "64", "-y", "128", "-n", "1", "-z", "16"],
}
QUICK = 2.0


def attack(name: str, port: int, folder: Path) -> None:
    """Returns once all of those clients have gone."""
    program = shutil.which("slowhttptest")
    assert program, "slowhttptest is not installed; bin/ci --full installs it"
    url = f"http://127.0.0.1:{port}/openapi.json"
    command = [program, *ATTACKS[name], "-c", CLIENTS, "-r", CLIENTS, "-l", SECONDS, "-u", url]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True, timeout=60)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("before", [STRAIGHT, *map(str, PROXIES)])
def test_people_are_answered_beside_slow_clients(
    service: Service, database_url: str, tmp_path: Path, name: str, before: str, recording: Recording
) -> None:
    people = make_people(database_url)
    with front(before, service, tmp_path) as port, SteadyLoad(port, people) as load:
        attack(name, port, tmp_path)
        recovered = load.seconds_to_recover(time.monotonic(), limit=RECOVERY_LIMIT)
    # Without a proxy they wait: nobody is told anything wrong.
    assert load.failed == []
    assert recovered < RECOVERY_LIMIT
    lost = lost_rows(database_url, people)
    assert lost == []
    slowest = max(answer.ended_at - answer.sent_at for answer in load.answers)
    assert before == STRAIGHT or slowest < QUICK
    recording.result(f"200 clients, {name}; {before}", load.answers, lost_rows=lost, recovered=recovered)
