"""`bin/migrate new NAME`: makes the file with the next number."""

import re
from pathlib import Path

from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.migrations.script.files import load_migrations

TEMPLATE = """\
-- What this changes, and why.
--
-- The file is applied as a whole or not at all: no BEGIN or COMMIT here. The previous version of the
-- service still runs while this is applied: add first, remove in a later release. Never edited once applied.
-- CREATE INDEX CONCURRENTLY and its like need a file of their own, whose first line says so:
-- see bin/migrate --help.

"""


def new(folder: Path, name: str, *, report: Report) -> Path:
    """Makes the file and returns its path.

    Raises:
        CommandError: USAGE, as the name has no letter or digit; INVALID, as the folder cannot be read or
            written to.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not slug:
        raise CommandError(Exit.USAGE, "Name the migration in letters and digits, such as: add_user_locale")
    migrations = load_migrations(folder, may_be_empty=True)
    newest = max((migration.version for migration in migrations), default=0)
    path = folder / f"{newest + 1:04d}_{slug}.sql"
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(TEMPLATE)
    except OSError as error:
        raise CommandError(Exit.INVALID, f"{path} cannot be written: {error.strerror}.") from error
    report.say(
        "created", f"Created {path}", "See what would run: bin/migrate plan", fields={"file": path.name}
    )
    return path
