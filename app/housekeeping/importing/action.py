"""`bin/users import`: accounts for the people of another backend."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice

from app.housekeeping.batches import Batches
from app.housekeeping.command import Desk
from app.housekeeping.importing.candidates import CHANGES, REASONS, Candidate, Candidates
from app.housekeeping.importing.csv_file import csv_rows
from app.housekeeping.importing.database import database_rows
from app.housekeeping.importing.rows import Columns, SourceRow
from app.housekeeping.models import SkippedRow, Step

MAX_SHOWN_LENGTH = 100
SCHEMES = ("postgresql://", "postgres://")


def import_users(options: argparse.Namespace, desk: Desk) -> None:
    """Makes accounts of rows, or only says what it would make of them."""
    work = _Import(options, desk)
    batches = Batches(desk.notices, event="importing", done="Looked at", things="rows")
    with _rows(options, desk) as rows:

        def next_batch(last: Step) -> Step | None:
            batch = list(islice(rows, options.batch))
            work.take(batch)
            return Step(len(batch), last.after) if batch else None

        try:
            with batches.stopping_between():
                batches.run(next_batch)
        finally:
            work.report()


def _rows(options: argparse.Namespace, desk: Desk) -> AbstractContextManager[Iterator[SourceRow]]:
    columns = Columns(
        id=options.id_column,
        email=options.email_column,
        name=options.name_column,
        picture=options.picture_column,
        subject=options.subject_column,
        created_at=options.created_at_column,
    )
    if options.source.startswith(SCHEMES):
        return database_rows(
            options.source, columns, table=options.table, query=options.query, report=desk.notices
        )
    return csv_rows(options.source, columns)


class _Import:
    """Counts what becomes of rows, batch by batch, and writes the new ones where it may."""

    def __init__(self, options: argparse.Namespace, desk: Desk) -> None:
        self._desk = desk
        self._is_real = options.apply
        self._issuer = options.issuer
        self._limit = options.limit
        self._candidates = Candidates(makes_ids=not options.id_column)
        self._skipped: Counter[str] = Counter()
        self._changes: Counter[str] = Counter()
        self._shown: list[SkippedRow] = []
        self._rows = 0
        self._new = 0
        self._already_there = 0

    def take(self, rows: Sequence[SourceRow]) -> None:
        """One batch: all of its new accounts are written, or none."""
        skipped: list[tuple[SourceRow, str]] = []
        candidates: list[Candidate] = []
        for row in rows:
            judged = self._candidates.judge(row)
            if isinstance(judged, Candidate):
                candidates.append(judged)
            else:
                skipped.append((row, judged))
        held = self._desk.queries.list_import_conflicts(candidates, issuer=self._issuer)
        new = []
        for candidate in candidates:
            if ("subject", candidate.subject) in held:
                continue
            if ("id", str(candidate.id)) in held:
                skipped.append((candidate.row, "id_taken"))
            elif ("email", candidate.email) in held:
                skipped.append((candidate.row, "email_taken"))
            elif ("unusable_email", candidate.email) in held:
                skipped.append((candidate.row, "unusable_email"))
            else:
                new.append(candidate)
        if self._is_real and new:
            self._desk.queries.insert_imported_users(new, issuer=self._issuer)
        # Counted only once it is so.
        self._rows += len(rows)
        self._new += len(new)
        self._already_there += len(rows) - len(new) - len(skipped)
        self._skipped.update(reason for _, reason in skipped)
        self._changes.update(change for candidate in new for change in candidate.changes)
        self._show(skipped)

    def report(self) -> None:
        """Prints skipped rows, up to the limit, and what became of how many."""
        self._desk.output.table(self._shown)
        count = sum(self._skipped.values())
        if count > len(self._shown):
            self._desk.notices.say(
                "more",
                f"Of the skipped rows these are {len(self._shown)}; --limit shows more.",
                fields={"limit": self._limit},
            )
        verb = "Imported" if self._is_real else "Would import"
        self._desk.output.say(
            "users_imported",
            f"{verb} {self._new:,} of {self._rows:,} rows. Already there: {self._already_there:,}. "
            f"Skipped: {count:,}.",
            *(f"  {self._skipped[reason]:,} skipped: {REASONS[reason]}" for reason in sorted(self._skipped)),
            *(f"  {self._changes[change]:,} changed: {CHANGES[change]}" for change in sorted(self._changes)),
            *(() if self._is_real else ("Nothing is written: this was a dry run. --apply writes.",)),
            fields={
                "applied": self._is_real,
                "rows": self._rows,
                "new": self._new,
                "already_there": self._already_there,
                "skipped": dict(self._skipped),
                "changed": dict(self._changes),
            },
        )

    def _show(self, skipped: list[tuple[SourceRow, str]]) -> None:
        room = self._limit - len(self._shown)
        self._shown += [
            SkippedRow(row.number, _short(row.id), _short(row.email), reason)
            for row, reason in sorted(skipped, key=lambda pair: pair[0].number)[:room]
        ]


def _short(text: str | None) -> str | None:
    return text[:MAX_SHOWN_LENGTH] if text else None
