"""A real PostgreSQL as a child process, whoever starts it."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
import psycopg

from app.settings.environment import embedded_socket_folder
from dev.postgres_programs import (
    EmbeddedPostgresError,
    end_of,
    make_data,
    not_writable,
    owner,
    programs,
    start_server,
)

START_SECONDS = 30.0
STOP_SECONDS = 15.0
DEFAULT_PORT = 5432
ACCESS = """\
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""
"""pg_hba.conf: whoever can open the socket's folder is trusted, over TCP a password is asked for."""


class EmbeddedPostgres:
    """One server over one data folder. It stops with its parent, however that ends.

    Args:
        data: the folder that holds `postgres/`, the server's own.
        port: a TCP port on 127.0.0.1, where passwords are asked for; None for the Unix socket alone.
        version: 18 or 16; the wheel carries both.
        settings: more of postgresql.conf.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        version: int = 18,
        settings: dict[str, str] | None = None,
    ) -> None:
        self._folder = data / "postgres"
        self._socket_folder = embedded_socket_folder(data)
        self._port = port
        self._settings = settings or {}
        self._version = version
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's main process; each of its children has a process group of its own."""
        if self._process is None:
            raise EmbeddedPostgresError("not started")
        return self._process.pid

    @property
    def bin(self) -> Path:
        """psql, pg_dump and the others."""
        return programs(self._version)

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """The URL over the Unix socket, where nobody is asked for a password."""
        folder = quote(str(self._socket_folder), safe="")
        return f"postgresql://{user}@/{database}?host={folder}&port={self._port or DEFAULT_PORT}"

    def start(self) -> None:
        """Starts the server and waits until it answers; makes its data first where there is none.

        Raises:
            EmbeddedPostgresError: with the end of the server's log, or why there can be no server.
        """
        log = self._folder / "server.log"
        try:
            self._stop_orphan()
            make_data(self._folder, self._version)
            (self._folder / "pg_hba.conf").write_text(ACCESS)
            if self._socket_folder != self._folder:
                self._make_socket_folder()
            self._process = start_server(self._arguments(), self._version, log)
        except OSError as error:
            raise not_writable(self._folder, error) from error
        self._wait_until_ready(log)

    def stop(self) -> None:
        """Ends connections and stops; returns when the server is gone."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
        if self._socket_folder != self._folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def _make_socket_folder(self) -> None:
        """Closed to others, as whoever opens the socket is the database's master; /tmp is everybody's."""
        self._socket_folder.mkdir(mode=0o700, exist_ok=True)
        if self._socket_folder.lstat().st_uid not in {owner(), os.geteuid()}:
            raise EmbeddedPostgresError(
                f"{self._socket_folder} belongs to somebody else. Set DEV_DATA_DIR to a shorter path."
            )
        self._socket_folder.chmod(0o700)
        shutil.chown(self._socket_folder, owner())

    def _arguments(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or DEFAULT_PORT),
            "unix_socket_directories": str(self._socket_folder),
            "timezone": "UTC",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["-D", str(self._folder), *options]

    def _wait_until_ready(self, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._process and self._process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise EmbeddedPostgresError(end_of("PostgreSQL did not start", log.read_text(errors="replace")))

    def _stop_orphan(self) -> None:
        """Stops a server whose bin/dev is gone; leaves one alone that still has it."""
        try:
            first_line = (self._folder / "postmaster.pid").read_text().partition("\n")[0]
            process = psutil.Process(int(first_line))
            parent = process.parent()
        except (OSError, ValueError, psutil.NoSuchProcess):
            return
        if "postgres" not in process.name():
            return
        if parent is not None and parent.pid != 1 and "python" in parent.name():
            raise EmbeddedPostgresError(
                f"Process {parent.pid} uses {self._folder}. Stop it, or set DEV_DATA_DIR to another folder."
            )
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
