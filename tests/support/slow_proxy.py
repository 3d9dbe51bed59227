"""A TCP proxy that lets answers wait."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class SlowProxy:
    """Passes bytes on between a port of its own and another.

    Attributes:
        delay: seconds that each piece of an answer is held back.
    """

    def __init__(self, target_port: int) -> None:
        self.delay = 0.0
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for opened in [self._listener, *self._sockets]:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, waits: bool) -> None:  # noqa: FBT001  # a thread's arguments
        with suppress(OSError):
            while data := source.recv(65536):
                if waits:
                    time.sleep(self.delay)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
