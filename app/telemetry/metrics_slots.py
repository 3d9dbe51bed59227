"""Shares metrics between worker processes in prometheus_client's files.

The library names its files by process and keeps them for ever, so each replaced worker leaves more to read
(client_python#275). Here files are named by slot. A worker takes over the slot of one that has ended, so the
number of files stays the same and counters continue.

The library also makes sparse files. Where the folder is full, writing to one kills the worker with SIGBUS,
and its successors, too. Here all the room is taken before the first worker starts.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client finds the folder."""
ROOM = {
    "counter": 1024 * 1024,
    "histogram": 512 * 1024,
    "gauge_livemax": 64 * 1024,
    "gauge_livesum": 64 * 1024,
    "gauge_mostrecent": 64 * 1024,
}
"""Bytes of each of a slot's files: more than all possible series need."""
_LIVE = "gauge_live"
_UNUSED = bytes(8)
"""The first bytes of an empty file: the number of bytes used."""


def free_slot(taken: Iterable[int]) -> int:
    """The lowest slot that no live worker has."""
    numbers = set(taken)
    return next(slot for slot in range(len(numbers) + 1) if slot not in numbers)


def reserve_slot(slot: int, folder: Path) -> None:
    """Makes the slot's files in their full size; existing ones stay as they are.

    Raises:
        OSError: the folder has no room for them.
    """
    for kind, size in ROOM.items():
        descriptor = os.open(folder / f"{kind}_{slot}.db", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)


def use_slot(slot: int) -> None:
    """Makes metrics that this process creates from now on use the slot's files.

    The library chooses the kind of values when it is imported, and looks the choice up for each metric.
    """
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)


def forget_worker(slot: int, folder: Path) -> None:
    """Resets the gauges that count only live workers: requests in progress, connections.

    The library would remove these files, and others might take their room before the next worker starts.
    """
    for file in folder.glob(f"{_LIVE}*_{slot}.db"):
        with file.open("r+b") as stream:
            stream.write(_UNUSED)


def shared_registry(folder: Path) -> CollectorRegistry:
    """A registry that collects the values of all slots."""
    registry = CollectorRegistry()
    registry.register(_Collector(folder))
    return registry


class _Collector:
    """The library's collector, without the files that a starting worker has created but not filled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        metrics: Iterable[Metric] = MultiProcessCollector.merge(
            [str(file) for file in sorted(self._folder.glob("*.db")) if _is_filled(file)]
        )
        return metrics


def _is_filled(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False
