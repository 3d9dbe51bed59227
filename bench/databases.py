"""Migrated databases."""

import sys

from app.commands.report import TextReport
from app.migrations.command import migrate


def migrate_quietly(url: str) -> None:
    """Applies all migrations; what they say goes to standard error."""
    migrate(url, report=TextReport(sys.stderr), wait=30)
