"""Starts containers the way a careful operator does, and asks them how they are."""

import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tests.container.engine import Engine

# crun, podman's default, refuses machines whose cgroups are half version 1, half version 2.
PODMAN = ("podman", "--runtime=runc")
CONFINEMENT = (
    "--network=host",
    # /tmp and /dev/shm are all that can be written to.
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=512m",
    "--pids-limit=128",
    # podman's defaults are above what a machine without CAP_SYS_RESOURCE may ask for.
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
)


class Container:
    """A container of an image, gone when its with block ends."""

    def __init__(
        self,
        engine: Engine,
        image: str,
        environment: Mapping[str, str],
        *command: str,
        options: Sequence[str] = (),
    ) -> None:
        self.name = f"connected-backend-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self._engine = engine
        self._arguments = (
            *CONFINEMENT,
            *options,
            # Tests listen where only this machine reaches them.
            *(f"--env={name}={value}" for name, value in {"HOST": "127.0.0.1", **environment}.items()),
            f"--env=PORT={self.port}",
            image,
            *command,
        )

    def __enter__(self) -> Self:
        self._engine.run(*PODMAN, "run", "--detach", f"--name={self.name}", *self._arguments)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.run(*PODMAN, "rm", "--force", "--time=0", "--ignore", self.name)

    def execute(self, *command: str, user: str = "") -> str:
        """Returns what a command run inside prints; it runs as the image's user unless another is given."""
        return self._engine.run(*PODMAN, "exec", f"--user={user}", self.name, *command)

    def logs(self) -> str:
        """Returns what its processes wrote to stdout and stderr so far."""
        outcome = self._engine.attempt("podman", "logs", self.name)
        return outcome.stdout + outcome.stderr

    def first_process(self) -> str:
        """Returns the command line of PID 1, its words separated by blanks."""
        return self.execute("cat", "/proc/1/cmdline").replace("\0", " ").strip()

    def check_health(self) -> str:
        """Runs the image's health check once; returns the state podman is in then, as in "healthy"."""
        self._engine.attempt(*PODMAN, "healthcheck", "run", self.name)
        return str(self._state()["Health"]["Status"])

    def wait_until_healthy(self, seconds: float = 40) -> None:
        """Returns at the first health check that succeeds; fails with the logs after the given seconds."""
        deadline = time.monotonic() + seconds
        while self.check_health() != "healthy":
            assert self._state()["Running"], f"{self.name} ended before it was healthy:\n{self.logs()}"
            assert time.monotonic() < deadline, f"{self.name} was not healthy in {seconds} s:\n{self.logs()}"

    def stop(self, patience: int) -> tuple[int, float]:
        """Sends SIGTERM, after patience seconds SIGKILL; returns the exit code and the seconds it took."""
        started = time.monotonic()
        self._engine.run(*PODMAN, "stop", f"--time={patience}", self.name)
        return self.exit_code(), time.monotonic() - started

    def exit_code(self) -> int:
        """Waits for the end of the container; returns its exit code."""
        return int(self._engine.run("podman", "wait", self.name, timeout=60))

    def memory_bytes(self) -> int:
        """Returns the memory of all its processes; what they share is counted once."""
        script = "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum }'"
        return int(self.execute("sh", "-c", script)) * 1024

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._engine.inspect("container", self.name)["State"]
        return state


def idle(engine: Engine, image: str) -> Container:
    """Returns a container of the image in which nothing runs, to look around in."""
    return Container(engine, image, {}, "sleep", "600")


def free_port() -> int:
    """Returns a loopback port nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def production(database_url: str) -> dict[str, str]:
    """Returns the least a production start needs."""
    return {
        "DATABASE_URL": database_url,
        "SESSION_SECRET": "only-for-this-test-0123456789abcdef",
        "GOOGLE_CLIENT_ID": "test.apps.example.com",
        "GOOGLE_CLIENT_SECRET": "test",
        "WEBAPP_URL": "https://app.example.com",
        "API_URL": "https://api.example.com",
    }
