"""Compares the files of this version with the ledger of a database."""

from dataclasses import dataclass
from datetime import UTC

from app.commands.errors import CommandError, Exit
from app.migrations.runner.ledger import Row
from app.migrations.script.files import Migration


@dataclass(frozen=True, slots=True)
class History:
    """What the comparison found. Gaps in the numbers are fine, and so is a database ahead of the files.

    Attributes:
        pending: the files to apply, in order, including those that were begun.
        begun: rows that are not applied, by version.
        ahead: names of rows newer than the newest file.
        misfits: a sentence for each applied file that is missing, and for each file that comes too late.
        edited: applied files whose text has changed, with their rows.
        resaved: names of applied files in which only line endings or the byte order mark changed.
    """

    pending: list[Migration]
    begun: dict[int, Row]
    ahead: list[str]
    misfits: list[str]
    edited: list[tuple[Migration, Row]]
    resaved: list[str]

    def require_fit(self) -> None:
        """Raises CommandError, INVALID, where files are missing or come too late."""
        if self.misfits:
            raise CommandError(Exit.INVALID, *self.misfits)

    def require_unedited(self) -> None:
        """Raises CommandError, INVALID, where applied files were edited."""
        if self.edited:
            names = [migration.file for migration, _ in self.edited]
            raise CommandError(Exit.INVALID, *self.edit_sentences(), file=names[0], edited=names)

    def edit_sentences(self) -> list[str]:
        """What was edited, when and by which version the original was applied, and what to do."""
        return [sentence for pair in self.edited for sentence in _edit_sentences(*pair)]


def compare(migrations: list[Migration], rows: list[Row]) -> History:
    """What differs. Both lists are in the order of the versions."""
    applied = {row.version: row for row in rows if row.status == "applied"}
    known = {migration.version for migration in migrations}
    newest_known = max(known, default=0)
    newest_applied = max(applied, default=0)
    missing = [row.name for row in rows if row.version not in known and row.version < newest_known]
    unapplied = [migration for migration in migrations if migration.version not in applied]
    # Also where the newest row comes from another branch: its file was written without this one.
    late = [migration for migration in unapplied if migration.version < newest_applied]
    pairs = [(m, applied[m.version]) for m in migrations if m.version in applied]
    return History(
        pending=[migration for migration in unapplied if migration.version > newest_applied],
        begun={row.version: row for row in rows if row.status != "applied"},
        ahead=[row.name for row in rows if row.version > newest_known],
        misfits=[
            f"{name}.sql was applied to this database and is missing here. Bring the file back."
            for name in missing
        ]
        + [
            f"{migration.file} is older than the newest applied migration ({newest_applied}). "
            "Give it the next number."
            for migration in late
        ],
        edited=[(m, row) for m, row in pairs if m.checksum not in {row.checksum, row.accepted_checksum}],
        resaved=[
            m.name for m, row in pairs if m.checksum == row.checksum and m.raw_checksum != row.raw_checksum
        ],
    )


def _edit_sentences(migration: Migration, row: Row) -> list[str]:
    moment = f"{(row.applied_at or row.started_at).astimezone(UTC):%Y-%m-%d %H:%M:%S %Z}"
    return [
        f"{migration.file} was edited after it was applied on {moment} by {row.applied_by}.",
        f"  SHA-256 applied: {row.accepted_checksum or row.checksum}",
        f"  SHA-256 now:     {migration.checksum}",
        "  Bring the old text back and write a new migration. Or, if the edit does not matter:",
        f'  bin/migrate accept {migration.name} --reason "…"',
    ]
