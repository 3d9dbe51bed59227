"""Finds the migrations of a folder. A file that only looks like one is a fault and not ignored."""

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.commands.errors import CommandError, Exit

_FILE_NAME = re.compile(r"([0-9]{4,9})_[a-z0-9_]+\.sql")
# Editors, merges and macOS leave these.
_LEFTOVER = re.compile(r".*~|.*\.(bak|orig|rej|sw[a-p]|tmp)|#.*#|\.#.*|\._.*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A file that is named like a migration, and can be read.

    Attributes:
        version: its number.
        path: where it is.
    """

    version: int
    path: Path


def find_versions(folder: Path) -> frozenset[int]:
    """The numbers of the folder's migrations, from the names alone.

    Raises:
        CommandError: as find_files does.
    """
    faults: list[str] = []
    files = find_files(folder, faults)
    if faults:
        raise CommandError(Exit.INVALID, *faults)
    return frozenset(file.version for file in files)


def find_files(folder: Path, faults: list[str], *, may_be_empty: bool = False) -> list[MigrationFile]:
    """The folder's migrations in the order of their numbers.

    Args:
        folder: where they are.
        faults: gets a sentence for each file that looks like a migration and is none.
        may_be_empty: whether a folder without any is fine.

    Raises:
        CommandError: INVALID, as the folder cannot be read, or has nothing that looks like a migration.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise CommandError(
            Exit.INVALID,
            f"The migrations' folder {printable_name(str(folder))} cannot be read: {error.strerror}.",
        ) from error
    meant = [name for name in names if _is_meant(name)]
    if not meant and not may_be_empty:
        raise CommandError(
            Exit.INVALID,
            f"The migrations' folder {printable_name(str(folder))} holds no migration, "
            "such as 0001_create_tables.sql.",
        )
    files = [file for name in meant if (file := _look_at(folder / name, faults)) is not None]
    numbers = Counter(file.version for file in files)
    for version in sorted(version for version, count in numbers.items() if count > 1):
        twins = ", ".join(file.path.name for file in files if file.version == version)
        faults.append(f"Two migrations have the number {version}: {twins}. Give one of them the next number.")
    return sorted(files, key=lambda file: file.version)


def printable_name(name: str) -> str:
    """The name as UTF-8 can write it."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _is_meant(name: str) -> bool:
    """Whether somebody may take it for a migration. README, .gitkeep and what editors leave are none."""
    if _LEFTOVER.fullmatch(name):
        return False
    lower = name.lower()
    return lower.endswith(".sql") or (not name.startswith(".") and (".sql" in lower or name[0].isdigit()))


def _look_at(path: Path, faults: list[str]) -> MigrationFile | None:
    name = printable_name(path.name)
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        faults.append(f"{name} is not named like 0001_create_tables.sql (lower case, digits and _).")
    elif int(match[1]) == 0:
        faults.append(f"{name} has the number 0. Numbers begin with 0001.")
    elif fault := _fault_of_kind(path):
        faults.append(f"{name} {fault}")
    else:
        return MigrationFile(version=int(match[1]), path=path)
    return None


def _fault_of_kind(path: Path) -> str | None:
    """Why it can hold no migration. It is not opened, as opening a FIFO waits for whoever writes to it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "is a link to a file that is not there."
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if stat.S_ISDIR(mode):
        return "is a folder. A migration is a file."
    return None if stat.S_ISREG(mode) else "is no ordinary file."
