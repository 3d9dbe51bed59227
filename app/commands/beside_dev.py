"""A command that names no database, typed where `bin/dev` runs, works on the database of that one."""

import fcntl
from collections.abc import Mapping
from pathlib import Path

from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.settings import variables
from app.settings.database_url import PARTS
from app.settings.environment import data_folder, with_dotenv

NAMES = ("MIGRATE_DATABASE_URL", "DATABASE_URL", *PARTS)


def running_file(data: Path) -> Path:
    """The file with the URL of its database that `bin/dev` keeps locked while it runs."""
    return data / "running"


def with_running_dev(environ: Mapping[str, str], report: Report) -> Mapping[str, str]:
    """The environment, with the database of the running `bin/dev` where it names none itself.

    Where bin/dev never ran, as on a server, and with APP_ENV other than development, it is returned as it is.

    Raises:
        CommandError: CONFIGURATION, as no database is named and bin/dev does not run any more.
    """
    data = data_folder(environ)
    if variables.find(environ, "APP_ENV") not in {None, "development"} or not data.is_dir():
        return environ
    if any(variables.find(with_dotenv(environ), name) for name in NAMES):
        return environ
    url = _read(running_file(data))
    if url is None:
        raise CommandError(
            Exit.CONFIGURATION,
            "bin/dev is not running. Start it, and type this again beside it: then its database is used.",
            "For another database set DATABASE_URL (or DB_HOST, DB_USER, DB_PASSWORD and DB_NAME).",
        )
    report.say("beside_bin_dev", "Using the database of the bin/dev that runs here.")
    return {**environ, "DATABASE_URL": url}


def _read(file: Path) -> str | None:
    """The URL in the file; None where nobody keeps it locked."""
    try:
        with file.open(encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return stream.read()
    except OSError:
        pass
    return None
