"""The environment a command starts in: the process's variables and, in development only, `.env`."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from app.settings import variables
from app.settings.database_url import DatabaseVariables
from app.settings.places import ROOT
from app.settings.variables import ConfigError

MAX_SOCKET_PATH = 100
"""Bytes. Linux allows 107 for the path of a Unix socket, and PostgreSQL also writes a lock file beside it."""


def load_migration_database_url(environ: Mapping[str, str]) -> str:
    """The URL of the database that migrations run on; reads no other setting.

    Raises:
        ConfigError: lists every fault of the variables that name the database.
    """
    return _load_database(environ).migrate_url or ""


def migration_variable(environ: Mapping[str, str]) -> str:
    """The variable that the URL for migrations comes from: DATABASE_URL stands for the DB_ variables, too."""
    direct = variables.find(with_dotenv(environ), "MIGRATE_DATABASE_URL")
    return "MIGRATE_DATABASE_URL" if direct else "DATABASE_URL"


def load_database_url(environ: Mapping[str, str]) -> str:
    """The URL of the service's database; reads no other setting.

    Raises:
        ConfigError: lists every fault of the variables that name the database.
    """
    return _load_database(environ).url or ""


def _load_database(environ: Mapping[str, str]) -> DatabaseVariables:
    merged = with_dotenv(environ)
    database = DatabaseVariables(merged, embedded_database_url=embedded_database_url(merged))
    if database.faults:
        raise ConfigError(database.faults)
    return database


def with_dotenv(environ: Mapping[str, str], path: Path = ROOT / ".env") -> dict[str, str]:
    """The process's variables, and those of `.env` where the process has APP_ENV=development.

    A variable of the process wins over the same one in `.env`.
    """
    if variables.find(environ, "APP_ENV") != "development":
        return dict(environ)
    # Production never needs this import.
    from dotenv import dotenv_values  # noqa: PLC0415

    written = {name: value for name, value in dotenv_values(path).items() if value and value.strip()}
    return written | {name: value for name, value in environ.items() if value.strip()}


def data_folder(environ: Mapping[str, str]) -> Path:
    """The folder of development's data: DEV_DATA_DIR, or `.data` beside the code."""
    return Path(environ.get("DEV_DATA_DIR") or ROOT / ".data").resolve()


def embedded_socket_folder(data: Path) -> Path:
    """The folder of the embedded PostgreSQL's socket: its data's, or in /tmp where that path is too long."""
    folder = data / "postgres"
    if len(str(folder / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH:
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"connected-backend-{digest}"


def embedded_database_url(environ: Mapping[str, str]) -> str:
    """The URL of the PostgreSQL that `bin/dev` runs."""
    folder = quote(str(embedded_socket_folder(data_folder(environ))), safe="/")
    return f"postgresql://postgres@/postgres?host={folder}"
