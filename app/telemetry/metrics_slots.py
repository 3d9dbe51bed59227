"""Metrics of all worker processes together, by prometheus_client's files.

The library names each file by a process, and keeps it for ever: every worker that is replaced leaves more to
read (client_python#275). Here a file is named by a slot, which the next worker takes over when the one before
has gone. The number of files stays the same, and a counter goes on from where the last worker left it.

It also makes each file with a hole in it: when the folder is full, writing there is no error but a SIGBUS, of
which the worker dies, and the next one, too. Here all the room is taken before there is a worker.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Of the environment: where prometheus_client looks for the folder."""
ROOM = {
    "counter": 1024 * 1024,
    "histogram": 512 * 1024,
    "gauge_livemax": 64 * 1024,
    "gauge_livesum": 64 * 1024,
    "gauge_mostrecent": 64 * 1024,
}
"""Bytes of a slot's files: more than every series there can be takes."""
_LIVE = "gauge_live"
_UNUSED = bytes(8)
"""The beginning of a file that holds nothing: how many of its bytes are used."""


def free_slot(taken: Iterable[int]) -> int:
    """The lowest number that no live worker has."""
    numbers = set(taken)
    return next(slot for slot in range(len(numbers) + 1) if slot not in numbers)


def reserve_slot(slot: int, folder: Path) -> None:
    """Makes the slot's files, as large as they can become; leaves alone those that are there.

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
    """Metrics made from now on in this process are kept in the slot's files.

    The library chooses where values are kept when it is imported, and looks the choice up for each metric.
    """
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)


def forget_worker(slot: int, folder: Path) -> None:
    """Takes back what only a live worker has: its requests in progress, its connections.

    The library removes those files; their room might be somebody else's before the next worker is there.
    """
    for file in folder.glob(f"{_LIVE}*_{slot}.db"):
        with file.open("r+b") as stream:
            stream.write(_UNUSED)


def shared_registry(folder: Path) -> CollectorRegistry:
    """A registry that reads the values of all slots."""
    registry = CollectorRegistry()
    registry.register(_Collector(folder))
    return registry


class _Collector:
    """The library's, which fails on a file that a starting worker has created and not yet filled."""

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
