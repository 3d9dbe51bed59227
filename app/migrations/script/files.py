"""Reads migration files: `sql/migrations/NNNN_name.sql`."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.commands.errors import CommandError, Exit
from app.migrations.script.folder import MigrationFile, find_files

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_TRANSACTION = "-- migrate: no-transaction"
"""The directive. It is the first line of a file whose one statement cannot run in a transaction."""
_DIRECTIVE = re.compile(rb"[ \t]*--[ \t]*migrate[ \t]*:.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file. Its text stays in the file, and is read line by line.

    Attributes:
        version: its number.
        name: the file's name without `.sql`.
        path: where it is.
        in_transaction: False where its first line is the directive.
        checksum: SHA-256 of the text with line endings and byte order mark normalised, in hexadecimal.
        raw_checksum: SHA-256 of the file as it is.
    """

    version: int
    name: str
    path: Path
    in_transaction: bool
    checksum: str
    raw_checksum: str

    @property
    def file(self) -> str:
        return f"{self.name}.sql"

    def lines(self) -> Iterator[bytes]:
        """Its text with line feeds as line ends, without byte order mark.

        Raises:
            CommandError: INVALID, as it cannot be read; at the end, as it is not what was checked before.
        """
        digest = hashlib.sha256()
        try:
            for line in _read_lines(self.path):
                digest.update(line)
                yield line
        except OSError as error:
            raise CommandError(Exit.INVALID, _unreadable(self.file, error), file=self.file) from error
        if digest.hexdigest() != self.checksum:
            raise CommandError(
                Exit.INVALID, f"{self.file} was edited in the last moments. Try again.", file=self.file
            )


def load_migrations(folder: Path, *, may_be_empty: bool = False) -> list[Migration]:
    """The folder's migrations in the order of their numbers.

    Args:
        folder: where they are.
        may_be_empty: whether a folder without any is fine.

    Raises:
        CommandError: INVALID, where the folder is missing, empty or cannot be read; naming each file that is
            misnamed, no ordinary file, cannot be read, shares its number, is not UTF-8 or has an unknown
            directive.
    """
    faults: list[str] = []
    files = find_files(folder, faults, may_be_empty=may_be_empty)
    migrations = [migration for file in files if (migration := _load(file, faults)) is not None]
    if faults:
        raise CommandError(Exit.INVALID, *faults)
    return migrations


def _load(file: MigrationFile, faults: list[str]) -> Migration | None:
    name = file.path.name
    found: list[str] = []
    in_transaction = True
    digest = hashlib.sha256()
    try:
        raw_checksum = _raw_checksum(file.path)
        for number, line in enumerate(_read_lines(file.path), start=1):
            digest.update(line)
            if number == 1 and _directive_in(line) == NO_TRANSACTION:
                in_transaction = False
            elif fault := _fault_of(line):
                found.append(f"{name}:{number}{fault}")
                if not _directive_in(line):
                    break
    except OSError as error:
        found.append(_unreadable(name, error))
    if found:
        faults += found
        return None
    return Migration(
        version=file.version,
        name=file.path.stem,
        path=file.path,
        in_transaction=in_transaction,
        checksum=digest.hexdigest(),
        raw_checksum=raw_checksum,
    )


def _raw_checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for number, raw in enumerate(file):
            text = raw if number else raw.removeprefix(BYTE_ORDER_MARK)
            # Each line feed ends a piece here, so no CR LF is torn apart.
            yield from text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines(keepends=True)


def _directive_in(line: bytes) -> str | None:
    """The line, where it looks like the directive."""
    return line.decode(errors="replace").rstrip() if _DIRECTIVE.match(line) else None


def _fault_of(line: bytes) -> str | None:
    """What is wrong with a line that is not the directive, as the rest of a sentence about it."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return " is not UTF-8. Save the file as UTF-8."
    if b"\0" in line:
        return " holds a NUL. Save it as UTF-8."
    if directive := _directive_in(line):
        return (
            f": {directive.strip()} is no directive. "
            f"There is one, and its place is the first line: {NO_TRANSACTION}"
        )
    return None


def _unreadable(name: str, error: OSError) -> str:
    return f"{name} cannot be read: {error.strerror}."
