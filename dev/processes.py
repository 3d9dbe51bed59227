"""Child processes that end together."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STOP_SECONDS = 25.0
POLL_SECONDS = 0.2


@dataclass
class Processes:
    """Starts children by name; whichever ends first, the others are stopped in reverse order."""

    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        # A session of its own, so that Ctrl-C in the terminal reaches the children through us, in order.
        self._children[name] = subprocess.Popen(command, env=dict(environ), start_new_session=True)

    def wait_for_first_end(self) -> tuple[str, int]:
        """The name and exit code of the first child to end."""
        while True:
            for name, child in self._children.items():
                if (code := child.poll()) is not None:
                    return name, code
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Returns when every child is gone."""
        for child in reversed(self._children.values()):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
