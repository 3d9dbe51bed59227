"""The real service: `bin/start` as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import psutil
import requests

from tests.support.log_watch import WATCH
from tests.support.waiting import until

ROOT = Path(__file__).parent.parent.parent

PRODUCTION = {
    "APP_ENV": "production",
    "SESSION_SECRET": "8d41f6c2a97e05b3e6104bd2f97a3c58",
    "GOOGLE_CLIENT_ID": "test-client",
    "GOOGLE_CLIENT_SECRET": "test-client-secret",
    "WEBAPP_URL": "https://app.example.com",
    "API_URL": "https://api.example.com",
}

UNLIMITED = dict.fromkeys(("RATE_LIMIT", "RATE_LIMIT_NOT_FOUND", "RATE_LIMIT_SIGN_IN"), "1000000/second")
"""For tests of something else; an empty variable brings a default back."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a command of bin/ gets: these variables, and nothing of the tests' own but where things are.

    A bin/dev that runs in this checkout is none of the tests' business.
    """
    here = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DEV_DATA_DIR": os.devnull}
    return {**here, **environ}


class Process:
    """A command of bin/, its environment and nothing else; its output is read as it comes."""

    def __init__(self, *command: str, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(ROOT / command[0]), *command[1:]],
            env=clean_environ(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
        self.lines: list[str] = []
        self._is_service = any(part.endswith(("bin/start", "bin/dev")) for part in command)
        WATCH.environ(environ)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float = 30) -> int:
        """The exit code, once the process has ended and its output is read."""
        code = self._process.wait(seconds)
        self._reader.join(5)
        return code

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children()

    def kill(self) -> None:
        """Ends the process and its children, whatever they do."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            # What other commands print is for whoever called them.
            if self._is_service:
                WATCH.line(self.lines[-1])


class Service(Process):
    """`bin/start`, in production unless told otherwise, and without limits.

    Args:
        database_url: of its database.
        port: where it listens; 0 for a free one.
        command: what is run instead of this tree's `bin/start`, and its arguments.
        environ: more of its environment.

    Attributes:
        ports: of those that run; what they answer is held against the service's description.
    """

    ports: ClassVar[set[int]] = set()

    def __init__(
        self, *, database_url: str, port: int = 0, command: Sequence[str] = ("bin/start",), **environ: str
    ) -> None:
        self.port = port or free_port()
        self.ports.add(self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        settings = PRODUCTION | UNLIMITED | {"PORT": str(self.port), "DATABASE_URL": database_url} | environ
        super().__init__(*command, environ=settings)

    def kill(self) -> None:
        super().kill()
        # The next server there may be another's.
        self.ports.discard(self.port)

    def wait_until_serving(self, seconds: float = 30) -> None:
        def serves() -> bool:
            if not self.is_running:
                raise AssertionError(f"bin/start ended:\n{self.output}")
            return requests.get(f"{self.url}/health", timeout=2).status_code == 200

        until(serves, seconds=seconds, what=f"the service on port {self.port}")

    def records(self) -> list[dict[str, Any]]:
        """The log so far; every line must be a JSON object."""
        return [json.loads(line) for line in self.lines]

    def messages(self) -> list[str]:
        return [str(record["message"]) for record in self.records()]
