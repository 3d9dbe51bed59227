"""A PostgreSQL of a test's own that comes and goes."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import psycopg

from dev.postgres import EmbeddedPostgres
from tests.support.service import free_port
from tests.support.waiting import until

PASSWORD = "a-password-that-no-log-shows"


class Outage:
    """A PostgreSQL of the test's own that can be stopped, started, frozen and thawed.

    Args:
        data: the folder for its data.
        settings: more of postgresql.conf; without any it does not wait for the disk.

    Attributes:
        url: what the service connects with: TCP and a password.
    """

    def __init__(self, data: Path, *, settings: dict[str, str] | None = None) -> None:
        port = free_port()
        given = {"fsync": "off"} if settings is None else settings
        self._server = EmbeddedPostgres(data, port=port, settings=given)
        self._frozen: list[psutil.Process] = []
        self.start = self._server.start
        self.stop = self._server.stop
        self.start()
        self.admin_url = self._server.url()
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE service LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        self.url = f"postgresql://service:{PASSWORD}@127.0.0.1:{port}/postgres"

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.admin_url, autocommit=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def crash(self) -> None:
        """Ends at once and writes nothing more, as `pg_ctl stop --mode=immediate` does."""
        os.kill(self._server.pid, signal.SIGQUIT)
        self.stop()

    def freeze(self) -> None:
        """The server takes connections and answers nothing, as on a machine that hangs."""
        postmaster = psutil.Process(self._server.pid)
        postmaster.suspend()
        # Each has a session of its own; no new one can come any more.
        self._frozen = [postmaster, *postmaster.children()]
        for process in self._frozen:
            process.suspend()

    def thaw(self) -> None:
        for process in self._frozen:
            process.resume()
        self._frozen = []

    def kill_a_connection(self) -> None:
        """Ends a connection of the service as an administrator would; returns when it is gone."""
        with self.connect() as connection:
            mine = "FROM pg_stat_activity WHERE application_name = 'connected-backend'"
            kill = f"SELECT pg_terminate_backend(pid, 10000) {mine} ORDER BY random() LIMIT 1"
            until(
                lambda: connection.execute(kill).fetchone() == (True,),
                seconds=20,
                what="a connection to kill",
            )

    def end(self) -> None:
        self.thaw()
        self.stop()
