"""The service below `bin/dev`: a changed file makes a new one, which takes over once it answers."""

import fcntl
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.commands.beside_dev import running_file
from app.settings.places import ROOT
from dev.postgres_programs import not_writable
from dev.processes import Processes, run
from dev.watch import Watch

NAME = "the service"
FOLDERS = ("app", "sql/queries")
MIGRATIONS = "sql/migrations"
ANSWER_SECONDS = 1.0
# bin/dev says in short what gunicorn says of itself.
QUIET = "--log-level=warning"
CONFIGURATION = str(ROOT / "app" / "server" / "gunicorn_conf.py")
COMMAND = (sys.executable, "-P", "-m", "gunicorn", "--config", CONFIGURATION, "app.wsgi:get_app()")


class ReloadingService:
    """The service, on a socket of ours: it stays open while one service follows another.

    Each service also listens on a port of its own, where it is asked whether it serves. A trial in another
    process tells before whether it would (dev.trial).

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

    def start(self) -> bool:
        """Applies migrations and starts the first one; says why and returns False where it cannot serve."""
        if self._try("--first") != 0:
            return False
        with self._own_port() as own:
            keeps = [self._listener.fileno(), own.fileno()]
            self._processes.start(NAME, COMMAND, self._environ(keeps), keeps=keeps)
        return True

    def serves(self) -> bool:
        """Whether the newest one takes connections: it closes one that asks for nothing, and logs nothing."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), ANSWER_SECONDS) as connection:
                connection.shutdown(socket.SHUT_WR)
                return not connection.recv(1)
        except OSError:
            return False

    def look(self) -> None:
        """Reloads where a file changed, and says so; the old service stays if the new one does not start."""
        if new := self._migrations.changed():
            print(f"Changed: {_listed(new)}.", flush=True)
            self._try("--migrations")
        changed: dict[str, None] = {}
        is_sound = False
        # What changes during a trial is tried again.
        while new := self._code.changed():
            changed |= dict.fromkeys(new)
            is_sound = self._try() == 0
        if not changed:
            return
        names = _listed(sorted(changed))
        if is_sound and self._reload():
            print(f"Reloaded {names}.", flush=True)
        else:
            print(
                f"Changed: {names}. It does not start: the error is above. "
                "The last good one goes on; mend the file.",
                file=sys.stderr,
                flush=True,
            )

    def _try(self, *options: str) -> int:
        return run([sys.executable, "-P", "-m", "dev.trial", *options], self._settings)

    def _reload(self) -> bool:
        with self._own_port() as own:
            keeps = [self._listener.fileno(), own.fileno()]
            environ = self._environ(keeps)
            return self._processes.replace(NAME, COMMAND, environ, keeps=keeps, is_ready=self.serves)

    def _own_port(self) -> socket.socket:
        own = socket.create_server(("127.0.0.1", 0))
        self._port = own.getsockname()[1]
        return own

    def _environ(self, keeps: Sequence[int]) -> dict[str, str]:
        options = [QUIET, *(f"--bind=fd://{fd}" for fd in keeps)]
        return {**self._settings, "GUNICORN_CMD_ARGS": " ".join(options)}


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
