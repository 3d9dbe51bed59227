"""Which database: DATABASE_URL or the DB_ variables. Migrations ask for nothing else."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from app.settings import parsers as parse
from app.settings import variables
from app.settings.variables import ConfigError

LOCAL_DATABASE_URL = "postgresql://postgres@localhost:5432/connected_backend"
"""What development and test use when no database is named, nor an embedded one at hand."""
PARTS = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSLMODE")

Value = TypeVar("Value")


class DatabaseVariables:
    """Reads the variables that name the database, noting faults.

    Args:
        environ: the process's environment.
        embedded_database_url: what development uses when no database is named.

    Attributes:
        faults: one sentence a fault, each beginning with the variable's name.
        url: the service's database; None with a fault.
        migrate_url: the one for migrations, the same unless MIGRATE_DATABASE_URL names another.
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
        for name in ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME"):
            if variables.find(self._environ, name) is None:
                self.faults.append(f"{name}: required, and not set")
        host, user = self._read("DB_HOST", parse.text), self._read("DB_USER", parse.text)
        password, database = self._read("DB_PASSWORD", parse.text), self._read("DB_NAME", parse.text)
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


def migration_database_url(environ: Mapping[str, str], *, embedded_database_url: str | None = None) -> str:
    """The database that migrations run against, without asking for the rest of the configuration.

    Raises:
        ConfigError: with every fault of the variables that name the database.
    """
    database = DatabaseVariables(environ, embedded_database_url=embedded_database_url)
    return _without_faults(database.migrate_url, database.faults)


def service_database_url(environ: Mapping[str, str], *, embedded_database_url: str | None = None) -> str:
    """The service's database, without asking for the rest of the configuration.

    Raises:
        ConfigError: with every fault of the variables that name the database.
    """
    database = DatabaseVariables(environ, embedded_database_url=embedded_database_url)
    return _without_faults(database.url, database.faults)


def _without_faults(url: str | None, faults: list[str]) -> str:
    if faults or url is None:
        raise ConfigError(sorted(faults))
    return url
