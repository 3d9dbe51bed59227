"""Migrated databases."""

import sys

from app.commands.report import PlainReport
from app.migrations.command import migrate


def migrate_quietly(url: str) -> None:
    """Applies all migrations; what they say goes to standard error."""
    migrate(url, report=PlainReport(sys.stderr), wait=30)
