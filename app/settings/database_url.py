"""DATABASE_URL or the DB_ variables, and MIGRATE_DATABASE_URL. Migrations read no other setting."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from app.settings import parsers as parse
from app.settings import variables

LOCAL_DATABASE_URL = "postgresql://postgres@localhost:5432/connected_backend"
"""The default of development and test where nothing names a database and none is embedded."""
PARTS = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSLMODE")
REQUIRED_PARTS = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME")

Value = TypeVar("Value")


class DatabaseVariables:
    """Reads the variables that name the database and collects their faults.

    Args:
        environ: the process's environment.
        embedded_database_url: development's default.

    Attributes:
        faults: one sentence a fault; each begins with the variable's name.
        url: the service's database; None where there is a fault.
        migrate_url: the database for migrations: MIGRATE_DATABASE_URL, or the service's.
    """

    def __init__(self, environ: Mapping[str, str], *, embedded_database_url: str | None = None) -> None:
        self._environ = environ
        self.faults: list[str] = []
        self.url = self._url(embedded_database_url)
        direct = self._read("MIGRATE_DATABASE_URL", parse.database_url)
        self.migrate_url = direct or self.url

    def _url(self, embedded_database_url: str | None) -> str | None:
        if variables.find(self._environ, "DATABASE_URL"):
            return self._read("DATABASE_URL", parse.database_url)
        if any(variables.find(self._environ, name) for name in PARTS):
            return self._composed_url()
        app_env = variables.find(self._environ, "APP_ENV")
        if app_env == "development" and embedded_database_url:
            return embedded_database_url
        if app_env in {"development", "test"}:
            return LOCAL_DATABASE_URL
        self.faults.append("DATABASE_URL: required (or DB_HOST, DB_USER, DB_PASSWORD and DB_NAME)")
        return None

    def _composed_url(self) -> str | None:
        self.faults += [
            f"{name}: required, and not set"
            for name in REQUIRED_PARTS
            if variables.find(self._environ, name) is None
        ]
        host = self._read("DB_HOST", parse.database_host)
        user, password, database = (self._read(name, parse.text) for name in REQUIRED_PARTS[1:])
        port = self._read("DB_PORT", parse.integer(1, 65535))
        sslmode = self._read("DB_SSLMODE", parse.one_of(*parse.SSL_MODES))
        if self.faults or host is None or user is None or password is None or database is None:
            return None
        return parse.compose_database_url(
            host=host,
            port=port or 5432,
            user=user,
            password=password,
            name=database,
            sslmode=sslmode or "prefer",
        )

    def _read(self, name: str, parser: Callable[[str], Value]) -> Value | None:
        value = variables.find(self._environ, name)
        try:
            return None if value is None else parser(value)
        except parse.ParseError as error:
            self.faults.append(f"{name}: {error}")
            return None
