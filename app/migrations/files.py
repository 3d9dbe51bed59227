"""Migration files: `sql/migrations/NNNN_name.sql`."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.migrations.errors import Exit, MigrationError

MIGRATIONS_FOLDER = Path(__file__).parent.parent.parent / "sql" / "migrations"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FILE_NAME = re.compile(r"([0-9]{4,9})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file.

    Attributes:
        version: its number.
        name: the file's name without `.sql`.
        sql: its text.
        checksum: SHA-256 of the text with line endings and byte order mark normalised, in hexadecimal.
        raw_checksum: SHA-256 of the file as it is.
    """

    version: int
    name: str
    sql: str
    checksum: str
    raw_checksum: str


def load_migrations(folder: Path) -> list[Migration]:
    """The folder's migrations in the order of their numbers.

    Raises:
        MigrationError: INVALID, naming every file that is misnamed, doubly numbered or not UTF-8.
    """
    faults: list[str] = []
    migrations = [
        migration for path in sorted(folder.glob("*.sql")) if (migration := _load(path, faults)) is not None
    ]
    numbers = Counter(migration.version for migration in migrations)
    for version in sorted(version for version, count in numbers.items() if count > 1):
        twins = ", ".join(f"{m.name}.sql" for m in migrations if m.version == version)
        faults.append(f"Two migrations have the number {version}: {twins}. Give one of them the next number.")
    if faults:
        raise MigrationError(Exit.INVALID, *faults)
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
    return Migration(
        version=int(match[1]),
        name=path.stem,
        sql=sql,
        checksum=hashlib.sha256(normalised).hexdigest(),
        raw_checksum=hashlib.sha256(raw).hexdigest(),
    )
