"""Pins processes to cores: the server has one core, PostgreSQL and the load generator share the other."""

import os
from collections.abc import Iterable
from contextlib import suppress

import psutil

AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER, LOAD = AVAILABLE[0], AVAILABLE[-1]


def use_load_core(*pids: int) -> None:
    """Moves this process and the given ones, with their children, to the core of the load.

    Processes that this one starts later stay there too; a server moves itself by `go_to_server_core`.

    Raises:
        RuntimeError: there is only one core.
    """
    if SERVER == LOAD:
        raise RuntimeError("measuring needs two CPU cores: one for the server, one for the load")
    _move([LOAD], pids)


def use_all(*pids: int) -> None:
    """Lets the same processes use all cores, for preparations that are not measured."""
    _move(AVAILABLE, pids)


def go_to_server_core() -> None:
    """Moves the calling process to the server's core; a server does so between fork and exec."""
    os.sched_setaffinity(0, {SERVER})


def _move(cores: list[int], pids: Iterable[int]) -> None:
    os.sched_setaffinity(0, cores)
    for pid in pids:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                member.cpu_affinity(cores)
