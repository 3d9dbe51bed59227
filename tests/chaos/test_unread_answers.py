"""How many clients that never read a worker endures by itself, and behind a proxy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.fronts import PROXIES, STRAIGHT, Proxy
from tests.chaos.recording import Recording
from tests.support.service import ROOT

THREADS = 8
MANY = 50
KIND = "answers that are not read"
NETWORK = 'ip link set lo up mtu 1500 && exec "$@"'


def beside(clients: int, *, before: str, database_url: str, folder: Path) -> str:
    """What others are beside so many: answered, or held up."""
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    module = (sys.executable, "-m", "tests.chaos.unread")
    arguments = (database_url, str(folder), before, str(THREADS), str(clients))
    command = ["/usr/bin/unshare", "--net", *rights, "sh", "-c", NETWORK, "sh", *module, *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def test_clients_that_never_read_hold_up_nobody_without_a_proxy(
    database_url: str, tmp_path: Path, recording: Recording
) -> None:
    assert beside(MANY, before=STRAIGHT, database_url=database_url, folder=tmp_path) == "answered"
    recording.limit(KIND, STRAIGHT, THREADS, f"{MANY}, as many as were tried")


@pytest.mark.parametrize("proxy", PROXIES, ids=str)
def test_behind_a_proxy_they_hold_up_nobody(
    database_url: str, tmp_path: Path, proxy: Proxy, recording: Recording
) -> None:
    assert beside(MANY, before=proxy.name, database_url=database_url, folder=tmp_path) == "answered"
    recording.limit(KIND, proxy.name, THREADS, f"{MANY}, as many as were tried")
