"""The folder in which the worker processes of one service keep their metrics."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

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
