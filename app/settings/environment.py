"""The environment a command starts in: the process's variables and, in development only, `.env`."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.settings import variables
from app.settings.database_url import migration_database_url, service_database_url
from app.settings.places import ROOT

MAX_SOCKET_PATH = 100
"""Bytes; Linux takes 107 for a Unix socket's path, and PostgreSQL adds its file's name."""


def load_migration_database_url(environ: Mapping[str, str]) -> str:
    """The database that migrations run against; asks for no other setting.

    Raises:
        ConfigError: with every fault of the variables that name the database.
    """
    merged = with_dotenv(environ)
    return migration_database_url(merged, embedded_database_url=embedded_database_url(merged))


def load_database_url(environ: Mapping[str, str]) -> str:
    """The database that the service uses; asks for no other setting.

    Raises:
        ConfigError: with every fault of the variables that name the database.
    """
    merged = with_dotenv(environ)
    return service_database_url(merged, embedded_database_url=embedded_database_url(merged))


def with_dotenv(environ: Mapping[str, str], path: Path = ROOT / ".env") -> dict[str, str]:
    """The process's variables over those of `.env`, which only APP_ENV=development, set outside it, reads."""
    if variables.find(environ, "APP_ENV") != "development":
        return dict(environ)
    from dotenv import dotenv_values  # noqa: PLC0415  # nobody else pays for it

    written = {name: value for name, value in dotenv_values(path).items() if value and value.strip()}
    return written | {name: value for name, value in environ.items() if value.strip()}


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where development keeps its data: DEV_DATA_DIR, else `.data` beside the code."""
    return Path(environ.get("DEV_DATA_DIR") or ROOT / ".data").resolve()


def embedded_socket_folder(data: Path) -> Path:
    """Where the embedded PostgreSQL listens: beside its data, unless that is too long for a socket."""
    folder = data / "postgres"
    if len(str(folder / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH:
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"connected-backend-{digest}"


def embedded_database_url(environ: Mapping[str, str]) -> str:
    """The database that `bin/dev` keeps."""
    return f"postgresql://postgres@/postgres?host={embedded_socket_folder(data_folder(environ))}"
