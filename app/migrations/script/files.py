"""Reads migration files: `sql/migrations/NNNN_name.sql`."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.commands.errors import CommandError, Exit

NEWLINE = "\n"
NUL = "\0"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_TRANSACTION = "-- migrate: no-transaction"
"""The directive. It is the first line of a file whose one statement cannot run in a transaction."""
_DIRECTIVE = re.compile(r"^[ \t]*--[ \t]*migrate[ \t]*:.*$", re.MULTILINE | re.IGNORECASE)
_FILE_NAME = re.compile(r"([0-9]{4,9})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file.

    Attributes:
        version: its number.
        name: the file's name without `.sql`.
        sql: its text with line feeds as line ends, without byte order mark.
        in_transaction: False where its first line is the directive.
        checksum: SHA-256 of the text with line endings and byte order mark normalised, in hexadecimal.
        raw_checksum: SHA-256 of the file as it is.
    """

    version: int
    name: str
    sql: str
    in_transaction: bool
    checksum: str
    raw_checksum: str

    @property
    def file(self) -> str:
        return f"{self.name}.sql"

    def line_at(self, position: int) -> int:
        """The number, from 1, of the line with the character at a position, from 0."""
        return self.sql.count("\n", 0, position) + 1


def load_migrations(folder: Path) -> list[Migration]:
    """The folder's migrations in the order of their numbers.

    Raises:
        CommandError: INVALID, naming each file that is misnamed, shares its number, is not UTF-8 or has an
            unknown directive.
    """
    faults: list[str] = []
    migrations = [
        migration for path in sorted(folder.glob("*.sql")) if (migration := _load(path, faults)) is not None
    ]
    numbers = Counter(migration.version for migration in migrations)
    for version in sorted(version for version, count in numbers.items() if count > 1):
        twins = ", ".join(m.file for m in migrations if m.version == version)
        faults.append(f"Two migrations have the number {version}: {twins}. Give one of them the next number.")
    if faults:
        raise CommandError(Exit.INVALID, *faults)
    return sorted(migrations, key=lambda migration: migration.version)


def _load(path: Path, faults: list[str]) -> Migration | None:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        faults.append(f"{path.name} is not named like 0001_create_tables.sql (lower case, digits and _).")
        return None
    raw = path.read_bytes()
    normalised = raw.removeprefix(BYTE_ORDER_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        sql = normalised.decode()
    except UnicodeDecodeError as error:
        line = normalised.count(b"\n", 0, error.start) + 1
        faults.append(f"{path.name}:{line} is not UTF-8. Save the file as UTF-8.")
        return None
    if NUL in sql:
        faults.append(
            f"{path.name}:{sql.count(NEWLINE, 0, sql.index(NUL)) + 1} holds a NUL. Save it as UTF-8."
        )
        return None
    strange = [found for found in _DIRECTIVE.finditer(sql) if not _is_the_directive(found)]
    if strange:
        faults += [
            f"{path.name}:{sql.count(NEWLINE, 0, found.start()) + 1}: {found[0].strip()} is no directive. "
            f"There is one, and its place is the first line: {NO_TRANSACTION}"
            for found in strange
        ]
        return None
    return Migration(
        version=int(match[1]),
        name=path.stem,
        sql=sql,
        in_transaction=not sql.startswith(NO_TRANSACTION),
        checksum=hashlib.sha256(normalised).hexdigest(),
        raw_checksum=hashlib.sha256(raw).hexdigest(),
    )


def _is_the_directive(found: re.Match[str]) -> bool:
    return found.start() == 0 and found[0].rstrip() == NO_TRANSACTION
