"""Child processes that end together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

STOP_SECONDS = 25.0
READY_SECONDS = 60.0
POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1


@dataclass
class Processes:
    """Starts children by name; whichever ends first, the others are stopped in reverse order."""

    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], *, keeps: Sequence[int] = ()
    ) -> None:
        """Starts a child, with the open files that it keeps."""
        self._children[name] = _start(command, environ, keeps)

    def replace(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        keeps: Sequence[int],
        is_ready: Callable[[], bool],
    ) -> bool:
        """Starts a successor and, once it is ready, stops the child of that name; else returns False."""
        successor = _start(command, environ, keeps)
        deadline = time.monotonic() + READY_SECONDS
        try:
            while not is_ready():
                if successor.poll() is not None or time.monotonic() > deadline:
                    _stop(successor)
                    return False
                time.sleep(POLL_SECONDS)
        except BaseException:
            _stop(successor)
            raise
        _stop(self._children[name])
        self._children[name] = successor
        return True

    def wait_for_first_end(self, look: Callable[[], None] = lambda: None) -> tuple[str, int]:
        """The name and exit code of the first child to end; looks around meanwhile."""
        while not (ended := self._ended()):
            time.sleep(POLL_SECONDS)
            look()
        return ended

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Whether the condition came true before any child ended."""
        while not self._ended():
            if condition():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _ended(self) -> tuple[str, int] | None:
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                return name, code
        return None

    def stop(self) -> None:
        """Returns when every child is gone."""
        for child in reversed(self._children.values()):
            _stop(child)


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs a child to its end; returns its exit code."""
    child = _start(command, environ, ())
    try:
        return child.wait()
    finally:
        _stop(child)


def _start(
    command: Sequence[str], environ: Mapping[str, str], keeps: Sequence[int]
) -> subprocess.Popen[bytes]:
    # A session of its own, so that Ctrl-C in the terminal reaches the children through us, in order.
    return subprocess.Popen(
        command,
        env=dict(environ),
        start_new_session=True,
        pass_fds=keeps,
        preexec_fn=signal_from_dying_parent(signal.SIGTERM),  # noqa: PLW1509  # one system call
    )


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def signal_from_dying_parent(number: signal.Signals) -> Callable[[], object] | None:
    """For a child to run before exec: the kernel then sends it a signal when its parent dies, however."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, number)
