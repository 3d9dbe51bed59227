"""gunicorn's threaded worker, changed: silent clients hold no thread, and a stop answers everybody."""

import logging
import selectors
import signal
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.server.head import BoundedParser
from app.web.problems import invalid_request_answer

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay silent."""
CROWDED_SECONDS = 1.0
"""The same, while the worker has hardly any room for more connections."""
HEAD_SECONDS = 10.0
"""How long a client may take for its request line and headers, from their first byte on."""
REQUEST_SECONDS = 60.0
"""How long the rest may take: sending the body, our work, reading the answer."""
UNREAD_BODY_SECONDS = 0.05
"""How long a thread waits for the rest of a body that the application did not read."""
CLOSE_LINGER = 2.0
"""Seconds a client has to read an answer and close, before its connection is closed for it."""
READ_SIZE = 65536
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGQUIT, signal.SIGINT})
"""Blocked from the fork until the worker has its handlers for them."""

logger = logging.getLogger(__name__)


class _GatheringSocket:
    """A socket that keeps what `sendall` gets until `flush`; otherwise the blocking socket itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self._parts.append(data)

    def flush(self) -> None:
        """Sends all parts at once.

        Raises:
            OSError: the client is gone.
        """
        if self._parts:
            self._socket.sendall(b"".join(self._parts))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any attribute of a socket
        return getattr(self._socket, name)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A ThreadWorker that waits for a client's first and last byte without a thread.

    What gunicorn 27.0.1 does, and this class changes: A connection without a request holds a thread for 5 s,
    and so does the rest of a body that nobody read. A client that does not close after `Connection: close`
    holds the whole worker for 2 s. A client that stops in the middle of a request holds a thread for ever. A
    stopping worker leaves its listeners open without accepting, so the kernel still connects clients, and
    resets them at the end. A stop just after the fork runs the master's handler, which does nothing.

    Attributes:
        is_told_to_stop: whether the replica is stopping; not set where only this worker is replaced.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        super().__init__(*args, **kwargs)
        self._closing: deque[Any] = deque()
        self._deadlines: dict[Any, float] = {}
        self.is_told_to_stop = False
        # A stop may come before the application is loaded.
        self.wsgi: Any = None

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.is_told_to_stop = True
        if self.wsgi is not None:
            self.wsgi.stopping.set()
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  # gunicorn has no types
        """Gives a connection with something to read to a thread, and the others to the poller."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + FIRST_REQUEST_SECONDS
        self.pending_conns.append(conn)
        self._watch(conn, self.on_pending_socket_readable)

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  # likewise
        """Answers a request with head and body in one send.

        If the worker were killed between the two, a proxy would have passed the head on and could not ask
        another replica. `100 Continue` is not held back: gunicorn sends it with `send`.
        """
        self._deadlines[conn] = time.monotonic() + REQUEST_SECONDS
        sock = conn.sock
        conn.sock = gathering = _GatheringSocket(sock)
        try:
            is_kept = super().handle_request(req, conn)
        finally:
            conn.sock = sock
        gathering.flush()
        return is_kept

    def handle_error(self, _req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ANN401  # likewise
        """Answers with a problem. Logs only the kind of fault, as the bytes may hold a code or a cookie."""
        refused = invalid_request_answer(exc, self.wsgi.security_headers)
        self.wsgi.metrics.requests.labels("OTHER", "unmatched", str(refused.status)).inc()
        level = logging.ERROR if refused.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
        fields = {
            "request_id": refused.request_id,
            "status": refused.status,
            "client": addr[0] if addr else None,
            "fault": type(exc).__name__,
        }
        logger.log(level, "Invalid request", extra=fields)
        with suppress(OSError):
            client.sendall(refused.raw)

    def handle(self, conn: Any) -> object:  # noqa: ANN401  # likewise
        self._deadlines[conn] = time.monotonic() + HEAD_SECONDS
        conn.parser = conn.parser or BoundedParser(self.cfg, conn.sock, conn.client)
        try:
            result = super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)
        conn.is_over = not result
        return result

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:  # noqa: ANN401, FBT001  # likewise
        """Whether the connection can be used again."""
        deadline = time.monotonic() + UNREAD_BODY_SECONDS
        try:
            return bool(keepalive and conn.parser.finish_body(deadline=deadline))
        except ParseException:
            # The request has its answer; a second one would be taken for the next request's.
            return False

    def finish_request(self, conn: Any, fs: "Future[object]") -> None:  # noqa: ANN401  # likewise
        # `conn.is_over` is missing where the future was cancelled. Asking the future would take three locks.
        if not getattr(conn, "is_over", False):
            super().finish_request(conn, fs)
            return
        # Half-closing first lets the client read the whole answer (RFC 9112, section 9.6).
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._forget(conn)
            return
        conn.timeout = time.monotonic() + CLOSE_LINGER
        self._closing.append(conn)
        self._watch(conn, self._on_closing_readable)

    def murder_pending(self) -> None:
        """Closes connections whose time is up."""
        super().murder_pending()
        self._cut_off_slow_clients()
        patience_left = FIRST_REQUEST_SECONDS - CROWDED_SECONDS
        while self.pending_conns and self.nr_conns >= self.max_keepalived:
            conn = self.pending_conns[0]
            if conn.timeout > time.monotonic() + patience_left:
                break
            self.pending_conns.popleft()
            self.poller.unregister(conn.sock)
            self._forget(conn)
        while self._closing and self._closing[0].timeout <= time.monotonic():
            self._end(self._closing[0])

    def _cut_off_slow_clients(self) -> None:
        """Shuts connections down that a thread has waited for too long; its next read or write then fails."""
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if deadline <= now and self._deadlines.pop(conn, 0.0):
                logger.warning("Client too slow", extra={"client": conn.client[0] if conn.client else None})
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001  # gunicorn's own signature
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            self._close_listeners()
            # A connection without a request would otherwise delay the stop by `keepalive`.
            deadline = time.monotonic() + STOP_KEEPALIVE_LINGER
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, deadline)

    def _close_listeners(self) -> None:
        """Accepts the clients that the kernel has already connected, then closes the listeners."""
        for listener in self.sockets:
            accepted = -1
            while accepted != self.nr_conns:
                accepted = self.nr_conns
                # There may be more of them than files that this process may open.
                with suppress(OSError):
                    self.accept(listener)
            listener.close()
        self.sockets: list[Any] = []

    def _watch(self, conn: Any, on_readable: Any) -> None:  # noqa: ANN401  # likewise
        conn.sock.setblocking(False)  # noqa: FBT003  # the socket's own signature
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(on_readable, conn))

    def _on_closing_readable(self, conn: Any, _socket: socket.socket) -> None:  # noqa: ANN401  # likewise
        """Drops what the client still sends, and closes the connection when the client does."""
        try:
            is_open = bool(conn.sock.recv(READ_SIZE))
        except OSError:
            is_open = False
        if not is_open:
            self._end(conn)

    def _end(self, conn: Any) -> None:  # noqa: ANN401  # likewise
        self._closing.remove(conn)
        self.poller.unregister(conn.sock)
        self._forget(conn)

    def _forget(self, conn: Any) -> None:  # noqa: ANN401  # likewise
        self.nr_conns -= 1
        conn.close()
