"""The service below `bin/dev`: a changed file makes a new one, which takes over once it answers."""

import fcntl
import http.client
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.commands.beside_dev import running_file
from app.settings.places import ROOT
from dev.postgres_programs import not_writable
from dev.processes import Processes
from dev.watch import Watch

NAME = "the service"
FOLDERS = ("app", "sql/queries")
MIGRATIONS = "sql/migrations"


class ReloadingService:
    """The service, on a socket of ours: it stays open while one service follows another.

    Each service also listens on a port of its own, where it is asked whether it serves.

    Args:
        processes: those that end together.
        settings: the service's environment.
        listener: where it listens.
    """

    def __init__(self, processes: Processes, settings: Mapping[str, str], listener: socket.socket) -> None:
        self._processes = processes
        self._settings = settings
        self._listener = listener
        self._port = 0
        self._code = Watch(ROOT, FOLDERS)
        self._migrations = Watch(ROOT, [MIGRATIONS])

    def start(self) -> None:
        """The first one applies migrations before it serves."""
        with self._own_port() as own:
            keeps = [self._listener.fileno(), own.fileno()]
            command = [str(ROOT / "bin" / "start")]
            self._processes.start(NAME, command, self._environ(keeps), keeps=keeps)

    def serves(self) -> bool:
        """Whether the newest one answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("HEAD", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def look(self) -> None:
        """Reloads where a file changed, and says so; the old service stays if the new one does not start."""
        if new := self._migrations.changed():
            print(f"Changed: {_listed(new)}. bin/migrate applies it.", flush=True)
        changed = self._code.changed()
        if not changed:
            return
        print(f"Changed: {_listed(changed)}. Reloading ...", flush=True)
        if self._reload():
            print(f"Reloaded {_listed(changed)}.", flush=True)
        else:
            print(
                "It does not start: the error is above. The last good one goes on; mend the file.",
                file=sys.stderr,
                flush=True,
            )

    def _reload(self) -> bool:
        conf = str(ROOT / "app" / "server" / "gunicorn_conf.py")
        command = [sys.executable, "-P", "-m", "gunicorn", "--config", conf, "app.wsgi:get_app()"]
        with self._own_port() as own:
            keeps = [self._listener.fileno(), own.fileno()]
            environ = self._environ(keeps)
            return self._processes.replace(NAME, command, environ, keeps=keeps, is_ready=self.serves)

    def _own_port(self) -> socket.socket:
        own = socket.create_server(("127.0.0.1", 0))
        self._port = own.getsockname()[1]
        return own

    def _environ(self, keeps: Sequence[int]) -> dict[str, str]:
        return {**self._settings, "GUNICORN_CMD_ARGS": " ".join(f"--bind=fd://{fd}" for fd in keeps)}


@contextmanager
def announced(data: Path, database_url: str) -> Iterator[None]:
    """Meanwhile commands typed beside bin/dev find its database; of several, the first one's.

    Raises:
        EmbeddedPostgresError: the folder cannot be written.
    """
    file = running_file(data)
    try:
        data.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        stream = file.open("r+", encoding="utf-8")
    except OSError as error:
        raise not_writable(data, error) from error
    with stream:
        with suppress(BlockingIOError):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stream.truncate()
            stream.write(database_url)
            stream.flush()
        yield


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004
