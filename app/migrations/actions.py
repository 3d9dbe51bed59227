"""`bin/migrate` up, check, status and plan."""

import logging
from datetime import UTC, datetime
from typing import Any

import psycopg

from app.commands.errors import CommandError, Exit
from app.commands.schema import get_schema
from app.migrations.runner.failures import needs_resolve
from app.migrations.runner.history import History, compare
from app.migrations.runner.ledger import read_ledger
from app.migrations.runner.lock import find_holder, lock_key
from app.migrations.runner.runner import Runner, report_oddities
from app.migrations.script.script import read_scripts
from app.migrations.target import Target


def up(target: Target) -> None:
    """Applies what is pending.

    Raises:
        CommandError: with the exit code of what went wrong.
    """
    migrations = target.load()
    with target.connection("up") as connection:
        Runner(
            connection=connection,
            migrations=migrations,
            report=target.report,
            wait=target.wait,
            applied_by=target.applied_by,
        ).up()


def check(target: Target, *, edits_matter: bool = True) -> None:
    """Says whether the database is up to date, and changes nothing.

    Args:
        target: database and files.
        edits_matter: False makes an edited file a warning, as long as nothing is pending.

    Raises:
        CommandError: INVALID, NEEDS_RESOLVE or PENDING, naming the files.
    """
    migrations = target.load()
    target.report.say("checking", "🔍 Checking for pending migrations...")
    with target.connection("check") as connection:
        history = compare(migrations, read_ledger(connection))
        history.require_fit()
        report_oddities(history, target.report)
        if edits_matter or history.pending:
            history.require_unedited()
        read_scripts(history.pending)
        _require_resolved(history, connection)
    if history.edited:
        target.report.say("edited", *history.edit_sentences(), level=logging.WARNING)
    if history.pending:
        raise CommandError(
            Exit.PENDING,
            f"{len(history.pending)} migration(s) pending:",
            *(f"   - {migration.name}" for migration in history.pending),
            "Apply them with: bin/migrate",
            pending=[migration.name for migration in history.pending],
        )
    target.report.say("up_to_date", "✅ Database is up to date - no pending migrations")
    target.report.say("completed", "✅ Migration check completed successfully")


def status(target: Target) -> None:
    """Lists every migration, applied, begun or pending.

    Raises:
        CommandError: files or database cannot be read.
    """
    migrations = target.load()
    with target.connection("status") as connection:
        rows = read_ledger(connection)
    history = compare(migrations, rows)
    edited = {migration.version for migration, _ in history.edited}
    by_version = {row.version: row for row in rows}
    files = {migration.version: migration for migration in migrations}
    for version in sorted(by_version.keys() | files.keys()):
        row, file = by_version.get(version), files.get(version)
        name = file.name if file else row.name if row else ""
        state = row.status if row else "pending"
        moment = _utc(row.applied_at or row.started_at) if row else None
        notes = ["no such file here"] * (file is None) + ["edited since"] * (version in edited)
        words = [f"{state:<7}", name, moment or "", f"({', '.join(notes)})" if notes else ""]
        target.report.say(
            "status",
            "  ".join(word for word in words if word),
            fields={"version": version, "name": name, "status": state, "at": moment, "notes": notes},
        )


def plan(target: Target) -> None:
    """Prints the SQL that `up` would run.

    Raises:
        CommandError: INVALID, as `up` would.
    """
    migrations = target.load()
    with target.connection("plan") as connection:
        history = compare(migrations, read_ledger(connection))
    history.require_fit()
    if history.pending:
        history.require_unedited()
    read_scripts(history.pending)
    for migration in history.pending:
        target.report.say(
            "plan",
            f"-- {migration.file}: {'in' if migration.in_transaction else 'without'} a transaction",
            *b"".join(migration.lines()).decode().rstrip("\n").split("\n"),
            "",
            fields={"version": migration.version, "file": migration.file},
        )
    if not history.pending:
        target.report.say("up_to_date", "-- Nothing is pending.")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds")


def _require_resolved(history: History, connection: psycopg.Connection[Any]) -> None:
    """Raises CommandError, NEEDS_RESOLVE, for an interrupted file that no runner is working on."""
    stuck = [m for m in history.pending if _is_stuck(m.version, history)]
    if not stuck or read_scripts(stuck[:1])[0].index:
        return
    if find_holder(connection, lock_key(get_schema(connection))) is None:
        raise needs_resolve(stuck[0])


def _is_stuck(version: int, history: History) -> bool:
    row = history.begun.get(version)
    return row is not None and row.status == "started"
