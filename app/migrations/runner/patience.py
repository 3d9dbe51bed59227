"""How long the runner waits for others, and what it reports meanwhile."""

import logging
import random
import time
from collections.abc import Callable

import psycopg

from app.commands.errors import CommandError, Exit
from app.commands.report import Report

FIRST_BACKOFF = 1.0
LAST_BACKOFF = 30.0
SAY_WAITING_EVERY = 10.0
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""Errors that go away when others are done."""


class Patience:
    """Waits for other runners and for locked tables, until one deadline for all of them.

    Args:
        wait: seconds from now to the deadline.
        report: told what it waits for.
        sleep: waits for so many seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        wait: float,
        report: Report,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._sleep = sleep
        self._clock = clock
        self._deadline = clock() + wait
        self._backoff = FIRST_BACKOFF
        self._said_at = float("-inf")
        self._waiting_since = clock()

    def begin(self) -> None:
        """Starts the next file's turn: waiting counts from now, and pauses are short again."""
        self._backoff = FIRST_BACKOFF
        self._waiting_since = self._clock()

    def waited_ms(self) -> int:
        """Milliseconds since `begin`."""
        return round((self._clock() - self._waiting_since) * 1000)

    def wait_for_runner(self, holder: object | None) -> None:
        """Sleeps a little; raises CommandError, TRY_AGAIN, after the deadline."""
        if self._clock() >= self._deadline:
            raise CommandError(
                Exit.TRY_AGAIN,
                f"Another runner is still at work: {holder or 'unknown'}.",
                "Try again later, or wait longer: bin/migrate --wait SECONDS",
            )
        if self._clock() - self._said_at >= SAY_WAITING_EVERY:
            self._said_at = self._clock()
            self._report.say(
                "waiting_for_lock",
                f"Waiting for another runner: {holder or 'just finished'}",
                fields={"lock_wait_ms": self.waited_ms()},
            )
        self._sleep(random.uniform(0.2, 2.0))  # noqa: S311  # jitter, not a secret

    def back_off(self, error: psycopg.Error, *, file: str) -> None:
        """Sleeps, longer each time; raises CommandError, TRY_AGAIN, where the deadline would pass."""
        reason = error.diag.message_primary
        fields = {"file": file, "sqlstate": error.sqlstate, "lock_wait_ms": self.waited_ms()}
        if self._clock() + self._backoff > self._deadline:
            raise CommandError(
                Exit.TRY_AGAIN,
                f"{file}: a table is in use by others: {reason}. Nothing of this file was applied.",
                "Try again when they are done: bin/migrate",
                **fields,
            ) from error
        self._report.say(
            "retrying",
            f"A table is in use by others ({reason}); trying {file} again in {self._backoff:.0f} s",
            level=logging.WARNING,
            fields=fields,
        )
        self._sleep(self._backoff)
        self._backoff = min(self._backoff * 2, LAST_BACKOFF)
