"""An answer that leaves in one piece."""

import socket
from typing import Any


class GatheringSocket:
    """A socket that keeps what `sendall` is given until `flush`; otherwise the socket itself.

    Args:
        sock: blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Takes the next part."""
        self._parts.append(data)

    def flush(self) -> None:
        """Sends all parts at once.

        Raises:
            OSError: the client is gone.
        """
        if self._parts:
            self._socket.sendall(b"".join(self._parts))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a socket has
        return getattr(self._socket, name)
