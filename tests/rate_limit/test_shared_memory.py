"""Processes that share one memory: nothing is lost between them, and the dead hold no lock."""

import subprocess
from collections.abc import Callable

from app.rate_limit.shared_memory import SHARDS, SharedFlag, SharedMemory, inherited_memory
from tests.support import crowd
from tests.support.service import ROOT


def run(what: str) -> str:
    command = [str(ROOT / "bin" / "python"), "-m", "tests.support.crowd", what]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()


def test_processes_and_threads_at_once_spend_no_request_twice() -> None:
    assert crowd.POLICY.limit.count < crowd.PROCESSES * crowd.THREADS * crowd.REQUESTS
    assert run("spend") == str(crowd.POLICY.limit.count)


def test_processes_and_threads_at_once_spend_no_request_of_a_network_twice() -> None:
    limit = crowd.NETWORK_POLICY.limits[2]
    assert limit.count < crowd.PROCESSES * crowd.THREADS * crowd.REQUESTS
    assert run("network") == str(limit.count)


def test_a_killed_process_holds_no_lock() -> None:
    assert run("die") == f"0 {SHARDS}"


def test_the_memory_is_made_once() -> None:
    assert inherited_memory() is inherited_memory()


def test_only_the_first_to_tell_brings_news(make_memory: Callable[[], SharedMemory]) -> None:
    memory = make_memory()
    first, second = SharedFlag(memory), SharedFlag(memory)
    assert [first.change(is_set=True), second.change(is_set=True)] == [True, False]
    assert [second.change(is_set=False), first.change(is_set=False)] == [True, False]
    first.close()
    second.close()
