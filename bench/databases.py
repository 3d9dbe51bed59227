"""Migrated databases."""

import sys

from app.migrations.command import migrate
from app.migrations.report import PlainReport


def migrate_quietly(url: str) -> None:
    """Applies all migrations; what they say goes to standard error."""
    migrate(url, report=PlainReport(sys.stderr), wait=30)
