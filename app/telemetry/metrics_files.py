"""The files in which the worker processes of one service share their metrics.

prometheus_client names its files by process and keeps them for ever, so each replaced worker leaves more to
read (client_python#275). Here files are named by slot. A worker takes over the slot of one that has ended,
so the number of files stays the same and counters continue.

The library also makes sparse files. Where the folder is full, writing to one kills the worker with SIGBUS,
and its successors, too. Here all the room is taken before the first worker starts.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from app.telemetry.shared_value import make_value_class

PREFIX = "connected-backend-metrics-"


class MetricsFolderError(Exception):
    """No folder can be made; the message says where, and why."""


def make_folder_with_room(parents: Sequence[Path], fill: Callable[[Path], None]) -> Path:
    """A folder in the first parent that has room for what `fill` puts there.

    Raises:
        MetricsFolderError: none has.
    """
    faults = []
    for parent in parents:
        try:
            folder = make_folder(parent)
        except OSError as error:
            faults.append(f"{parent}: {error.strerror}")
            continue
        try:
            fill(folder)
        except OSError as error:
            remove_folder(folder)
            faults.append(f"{parent}: {error.strerror}")
        else:
            return folder
    raise MetricsFolderError(f"No room for the metrics in {'; '.join(faults)}")


def make_folder(parent: Path) -> Path:
    """Makes a folder that belongs to this process and its forks.

    Folders of services that were killed are removed first. A lock tells them from folders in use. A process
    number would not, as in each container that shares the parent it is 1.
    """
    for folder in parent.glob(f"{PREFIX}*"):
        _remove_abandoned(folder)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        # Before it was locked, another starting service may have removed it as abandoned.
        if _lock(folder) is not None and folder.is_dir():
            return folder


def remove_folder(folder: Path) -> None:
    """Removes the folder and its content; a missing one is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    descriptor = _lock(folder)
    if descriptor is not None:
        remove_folder(folder)
        os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """The descriptor that holds the lock; None where another process holds it, or the folder is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client finds the folder."""
ROOM = {
    "counter": 2048 * 1024,
    "histogram": 1024 * 1024,
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
            _take_room(descriptor, size)
        finally:
            os.close(descriptor)


def _take_room(descriptor: int, size: int) -> None:
    """Gives the file this size, and room on the disk for all of it; what it holds stays."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    while (end := os.fstat(descriptor).st_size) < size:
        os.pwrite(descriptor, bytes(size - end), end)


def use_slot(slot: int, folder: Path) -> None:
    """Makes metrics that this process creates from now on use the slot's files.

    The library chooses the kind of values when it is imported, and looks the choice up for each metric.
    """
    values.ValueClass = make_value_class(slot, folder)


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
