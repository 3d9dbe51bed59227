"""Metrics of all worker processes together, by prometheus_client's files.

The library names each file by a process, and keeps it for ever: every worker that is replaced leaves more to
read (client_python#275). Here a file is named by a slot, which the next worker takes over when the one before
has gone. The number of files stays the same, and a counter goes on from where the last worker left it.
"""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Of the environment: where prometheus_client looks for the folder."""


def free_slot(taken: Iterable[int]) -> int:
    """The lowest number that no live worker has."""
    numbers = set(taken)
    return next(slot for slot in range(len(numbers) + 1) if slot not in numbers)


def use_slot(slot: int) -> None:
    """Metrics made from now on in this process are kept in the slot's files.

    The library chooses where values are kept when it is imported, and looks the choice up for each metric.
    """
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)


def forget_worker(slot: int, folder: Path) -> None:
    """Takes back what only a live worker has: its requests in progress, its connections."""
    mark_process_dead(slot, str(folder))


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
