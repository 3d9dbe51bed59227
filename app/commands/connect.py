"""Connects a command to the database, and waits for one that is still starting."""

import re
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from app.commands.database_url import check_url
from app.commands.errors import CommandError, Exit
from app.commands.report import Report

CONNECT_TIMEOUT = 3
REPEAT_SECONDS = 10.0
DEFAULTS: dict[str, str | int] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
ENCODING = "UTF8"
OWN = {"client_encoding": ENCODING}
"""Wins over PGCLIENTENCODING and what the database has: files are sent as UTF-8."""

# libpq gives no SQLSTATE for a connection that fails, so its message decides. A message in another language
# counts as an outage and costs a minute of waiting. A TLS handshake that ends early is an outage, too: the
# proxy in front of the database restarts.
SETTING_BY_REFUSAL = {
    r'password authentication failed|no password supplied|role ".*" does not exist': "user and password",
    r"authentication failed|no pg_hba.conf entry|is not permitted to log in": "user, password and sslmode",
    r'database ".*" does not exist|permission denied for database': "database name",
    r"server does not support SSL|certificate|SSL error(?!: unexpected eof)": "sslmode",
    r"private key file": "sslkey",
    r"channel binding|authentication method requirement": "channel_binding and require_auth",
    r"FATAL:.* (parameter\b|requires a value|command-line argument)": "options",
    r"conversion between .* is not supported": "database, which must be UTF-8,",
}


def connect(
    url: str,
    *,
    wait: float,
    report: Report,
    application_name: str,
    variable: str = "DATABASE_URL",
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> psycopg.Connection[Any]:
    """An autocommit connection, as soon as the database accepts it.

    Args:
        url: libpq's.
        wait: seconds to wait for a database that does not answer.
        report: told what it waits for.
        application_name: what pg_stat_activity shows.
        variable: has the URL.
        sleep: waits for so many seconds.
        clock: monotonic seconds.

    Raises:
        CommandError: CONFIGURATION at once for what waiting cannot mend, UNAVAILABLE after the wait.
    """
    given = check_url(url, variable)
    defaults = {name: value for name, value in DEFAULTS.items() if name not in given}
    conninfo = make_conninfo(url, application_name=application_name, **defaults, **OWN)
    began = clock()
    said_at = float("-inf")
    pause = 0.25
    while True:
        try:
            connection = psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            reason = _reason(error)
            if setting := _misconfigured(reason):
                raise CommandError(
                    Exit.CONFIGURATION,
                    f"The database refuses the connection: {reason}",
                    f"Check the {setting} in {_places(variable)}.",
                ) from error
            waited = clock() - began
            if waited + pause > wait:
                raise CommandError(
                    Exit.UNAVAILABLE,
                    f"No database after {waited:.0f} s: {reason}",
                    f"Check that it runs, and host and port in {_places(variable)}.",
                ) from error
            if clock() - said_at >= REPEAT_SECONDS:
                said_at = clock()
                report.say(
                    "waiting_for_database",
                    f"Waiting for the database: {reason}",
                    fields={"waited_seconds": round(waited, 1)},
                )
            sleep(pause)
            pause = min(pause * 2, 2.0)
        else:
            return _configured(connection)


def _places(variable: str) -> str:
    others = ", or in DB_HOST, DB_USER, DB_PASSWORD and DB_NAME"
    return variable + (others if variable == "DATABASE_URL" else "")


def _configured(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    # A pooler may not tell.
    encoding = connection.info.parameter_status("server_encoding") or ENCODING
    if encoding != ENCODING:
        connection.close()
        raise CommandError(
            Exit.CONFIGURATION,
            f"The database's encoding is {encoding}; this service needs one made with ENCODING 'UTF8'.",
        )
    # A runner reads the ledger after it has the lock; an older snapshot would show an older ledger.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    connection.read_only = False
    # Behind a pooler each transaction may meet another server connection, without the prepared statements.
    connection.prepare_threshold = None
    return connection


def _reason(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0].strip()


def _misconfigured(reason: str) -> str | None:
    return next((setting for words, setting in SETTING_BY_REFUSAL.items() if re.search(words, reason)), None)
