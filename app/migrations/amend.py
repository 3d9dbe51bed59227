"""`bin/migrate` baseline, resolve and accept: they change the ledger, under the lock, and apply nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from app.commands.errors import CommandError, Exit
from app.commands.schema import get_schema
from app.migrations.runner.ledger import Ledger, Row
from app.migrations.runner.lock import lock_key, locked_transaction
from app.migrations.runner.patience import Patience
from app.migrations.target import Target


def baseline(target: Target, version: str) -> None:
    """Records each file up to a version as applied, without running it.

    Raises:
        CommandError: INVALID, as the ledger has rows, or no file has that version.
    """
    newest = target.find(version)
    files = [migration for migration in target.load() if migration.version <= newest.version]
    with _locked_ledger(target, "baseline", f"{target.applied_by} (baseline)") as (ledger, rows):
        if rows:
            raise CommandError(
                Exit.INVALID,
                f"This database has applied migrations, the newest {max(rows)}: it needs no baseline.",
                "See where it is with: bin/migrate status",
            )
        for migration in files:
            ledger.write(migration, "applied", duration_ms=0)
    target.report.say(
        "baseline",
        f"Recorded as applied, without running: {len(files)} migration(s), up to {newest.name}.",
        "What is pending now: bin/migrate plan",
        fields={"version": newest.version},
    )


def resolve(target: Target, name: str, outcome: Literal["applied", "retry"]) -> None:
    """Records what became of an interrupted file that runs without a transaction.

    Raises:
        CommandError: INVALID, as it was not interrupted, or there is no such file.
    """
    migration = target.find(name)
    with _locked_ledger(target, "resolve", target.applied_by) as (ledger, rows):
        row = rows.get(migration.version)
        if row is None or row.status == "applied":
            state = "pending" if row is None else "applied"
            raise CommandError(
                Exit.INVALID, f"{migration.name} is {state}, not interrupted: nothing to resolve."
            )
        ledger.write(migration, outcome, duration_ms=0)
    target.report.say(
        "resolved",
        f"{migration.name} counts as applied."
        if outcome == "applied"
        else f"{migration.name} will run again.",
        "Go on with: bin/migrate",
        fields={"version": migration.version, "status": outcome},
    )


def accept(target: Target, name: str, reason: str) -> None:
    """Records that an applied file was edited on purpose.

    Raises:
        CommandError: INVALID, as it was not applied, is unchanged, or does not exist.
    """
    migration = target.find(name)
    if not reason.strip():
        raise CommandError(Exit.USAGE, "A reason is needed: it is what the next reader will have.")
    with _locked_ledger(target, "accept", target.applied_by) as (ledger, rows):
        row = rows.get(migration.version)
        if row is None or row.status != "applied":
            raise CommandError(Exit.INVALID, f"{migration.name} is not applied: nothing to accept.")
        if migration.checksum in {row.checksum, row.accepted_checksum}:
            raise CommandError(Exit.INVALID, f"{migration.name} is as it was applied: nothing to accept.")
        ledger.accept(migration, reason=reason.strip())
    target.report.say(
        "accepted", f"{migration.name} is accepted as it is now.", fields={"version": migration.version}
    )


@contextmanager
def _locked_ledger(target: Target, command: str, applied_by: str) -> Iterator[tuple[Ledger, dict[int, Row]]]:
    """The ledger and its rows by version, in a transaction that holds the lock."""
    with target.connection(command) as connection:
        schema = get_schema(connection)
        patience = Patience(target.wait, target.report)
        with locked_transaction(connection, lock_key(schema), patience):
            ledger = Ledger(connection, schema=schema, applied_by=applied_by)
            ledger.create()
            yield ledger, {row.version: row for row in ledger.read()}
