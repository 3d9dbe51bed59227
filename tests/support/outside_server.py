"""A server that is not ours, run in the foreground over a configuration of the test's own."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import until


class OutsideServer:
    """Serves from entering the block to leaving it.

    Args:
        command: the program and its arguments.
        port: where it listens on 127.0.0.1 once it is ready.
        folder: its home; what it says goes to `output.txt` there.
    """

    def __init__(self, command: list[str], *, port: int, folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._stack = ExitStack()
        self.port = port

    def __enter__(self) -> Self:
        program = program_path(self._command[0])
        output = self._folder / "output.txt"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [program, *self._command[1:]],
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
                cwd=self._folder,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

        try:
            until(lambda: process.poll() is not None or self._is_ready(), seconds=20, what=program)
            assert process.poll() is None, output.read_text()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _is_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def program_path(name: str) -> str:
    """Where the program is. Some come from PyPI, into the folder of this interpreter."""
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    program = shutil.which(name, path=places)
    assert program, f"{name} is not installed; bin/ci --full installs it"
    return program
