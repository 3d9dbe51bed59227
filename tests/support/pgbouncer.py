"""A real PgBouncer in transaction mode, in front of a test's PostgreSQL."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dev.postgres import EmbeddedPostgres
from dev.postgres_programs import as_owner, owner
from tests.support.waiting import until

SETTINGS = """\
[databases]
* = host={server} port={server_port} user=postgres

[pgbouncer]
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
auth_type = any
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/pgbouncer.log
"""
PORT = 6432


class PgBouncer:
    """Debian's settings but for the pool's size: no parameter is ignored that it does not ignore by itself.

    Args:
        postgres: the server behind it.
        pool_size: connections to the server, for each database.
    """

    def __init__(self, postgres: EmbeddedPostgres, *, pool_size: int) -> None:
        if shutil.which("pgbouncer") is None:
            pytest.fail("pgbouncer is not installed. bin/ci --full installs it on Debian.")
        self._postgres = postgres
        self._pool_size = pool_size
        # Not pytest's folder: a Unix socket's path must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        server = conninfo_to_dict(self._postgres.url())
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(
                server=server["host"],
                server_port=server["port"],
                pool_size=self._pool_size,
                port=PORT,
                folder=self._folder,
            ),
            encoding="utf-8",
        )
        # It refuses to be root; the server's own account can open the server's socket.
        for path in (self._folder, settings):
            shutil.chown(path, owner())
        command = [*as_owner(), "pgbouncer", "--quiet", str(settings)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        until(self._answers, seconds=10, what="pgbouncer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        with psycopg.connect(self.url("postgres")):
            return True

    @property
    def log(self) -> str:
        return (self._folder / "pgbouncer.log").read_text(encoding="utf-8", errors="replace")

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self._folder), safe='')}&port={PORT}"

    def in_front_of(self, database_url: str) -> str:
        """The same database, through the pooler."""
        return self.url(str(conninfo_to_dict(database_url)["dbname"]))
