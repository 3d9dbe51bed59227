"""A real Redis that a test can stop, freeze and spoil."""

import shutil
import signal
import subprocess
import sysconfig
from types import TracebackType
from typing import Any, Self

import redis

from tests.support.service import free_port
from tests.support.waiting import until

MISSING = "No redis-server, neither from bin/setup nor in PATH. On Debian: apt install redis-server"


def redis_server() -> str | None:
    """The path of the program: the one that bin/setup brought, else what is in PATH."""
    return shutil.which("redis-server", path=sysconfig.get_path("scripts")) or shutil.which("redis-server")


class Redis:
    """One server on a port of its own, which keeps nothing on disk.

    Args:
        settings: command-line settings, such as requirepass.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once it answers."""
        fixed = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        options = [part for name, value in (fixed | self._settings).items() for part in (f"--{name}", value)]
        program = redis_server()
        assert program, MISSING
        self._process = subprocess.Popen(
            [program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: self.call("PING"), seconds=10, what="redis")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def move_clock(self, seconds: int) -> None:
        """As after the clock was put forward or back: what Redis noted lies elsewhere in time."""
        for key in self.call("KEYS", "rate-limit:debt:*"):
            owed, at = self.call("GET", key).split()
            left = self.call("PTTL", key) - seconds * 1000
            if left <= 0:
                self.call("DEL", key)
            else:
                self.call("SET", key, f"{owed} {int(at) - seconds * 1_000_000}", "PX", str(left))

    def fill(self) -> None:
        """Takes no more writes: out of memory."""
        self.call("CONFIG", "SET", "maxmemory", "1")

    def make_room(self) -> None:
        self.call("CONFIG", "SET", "maxmemory", "0")

    def change_password(self) -> None:
        """Lets nobody in who knows the old one, and puts out who is in."""
        self._set_password("changed")

    def change_password_back(self) -> None:
        self._set_password("")

    def _set_password(self, password: str) -> None:
        self.call("CONFIG", "SET", "requirepass", password)
        self._settings["requirepass"] = password
        self.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def call(self, *command: str) -> Any:
        """A command's answer."""
        password = self._settings.get("requirepass") or None
        with redis.Redis(port=self.port, password=password, decode_responses=True, protocol=2) as client:
            return client.execute_command(*command)
