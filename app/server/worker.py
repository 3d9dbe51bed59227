"""gunicorn's threaded worker, for whom silent clients cost no thread, and a stop leaves nobody unanswered."""

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

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.server.gathering_socket import GatheringSocket
from app.web.invalid_request import refusal

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay silent."""
CROWDED_SECONDS = 1.0
"""The same when the worker has hardly room for more."""
HEAD_SECONDS = 10.0
"""How long a client may take for its first line and headers, once they have begun."""
REQUEST_SECONDS = 60.0
"""How long the rest may take: the body, our work, reading the answer."""
UNREAD_BODY_SECONDS = 0.05
"""How long a thread waits for the rest of a body that was answered without reading it."""
CLOSE_LINGER = 2.0
"""Seconds a client has to read an answer and close, before its connection is closed for it."""
READ_SIZE = 65536
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGQUIT, signal.SIGINT})
"""Blocked from the fork until the worker has handlers for them."""

logger = logging.getLogger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A ThreadWorker that waits for the first and the last byte of a client without a thread.

    gunicorn 27.0.1 lets a connection without a request hold a thread for 5 s, likewise a body that nobody
    wanted and that does not come, and the whole worker for 2 s when a client does not close after
    `Connection: close`. A client that stops in the midst of a request holds a thread for ever. When it stops
    itself, its listeners stay open and are looked at no more, so the kernel goes on connecting clients and
    resets them at the end. A stop that comes just after the fork goes to the master's handler, which does
    nothing in a worker.

    Attributes:
        is_told_to_stop: whether the replica is about to go; a worker that is only renewed is not told.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        super().__init__(*args, **kwargs)
        self._closing: deque[Any] = deque()
        self._deadlines: dict[Any, float] = {}
        self.is_told_to_stop = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.is_told_to_stop = True
        super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401  # gunicorn has no types
        """A thread for a connection with something to read; the poller for one without."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.timeout = time.monotonic() + FIRST_REQUEST_SECONDS
        self.pending_conns.append(conn)
        self._watch(conn, self.on_pending_socket_readable)

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401  # likewise
        """Lets head and body leave together: a worker that is killed between them would cut the answer off.

        A proxy has passed the head on by then, and cannot ask another replica any more. `100 Continue` goes
        ahead: gunicorn sends it with `send`.
        """
        self._deadlines[conn] = time.monotonic() + REQUEST_SECONDS
        sock = conn.sock
        conn.sock = gathering = GatheringSocket(sock)
        try:
            is_kept = super().handle_request(req, conn)
        finally:
            conn.sock = sock
        gathering.flush()
        return is_kept

    def handle_error(self, _req: Any, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ANN401  # likewise
        """Answers with a problem; logs the kind of fault alone, for the bytes may hold a code or a cookie."""
        refused = refusal(exc, self.wsgi.security_headers)
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
            client.sendall(refused.answer)

    def handle(self, conn: Any) -> object:  # noqa: ANN401  # likewise
        self._deadlines[conn] = time.monotonic() + HEAD_SECONDS
        try:
            result = super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)
        conn.is_over = not result
        return result

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:  # noqa: ANN401, FBT001  # likewise
        """Whether the connection can be used again; of the others, the poller throws the rest away."""
        deadline = time.monotonic() + UNREAD_BODY_SECONDS
        return bool(keepalive and conn.parser.finish_body(deadline=deadline))

    def finish_request(self, conn: Any, fs: "Future[object]") -> None:  # noqa: ANN401  # likewise
        # A future would tell as well, for three locks; a cancelled one has handled nothing.
        if not getattr(conn, "is_over", False):
            super().finish_request(conn, fs)
            return
        # The end of what we send comes first, so that the client can read all of it (RFC 9112 section 9.6).
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._forget(conn)
            return
        conn.timeout = time.monotonic() + CLOSE_LINGER
        self._closing.append(conn)
        self._watch(conn, self._on_closing_readable)

    def murder_pending(self) -> None:
        """Closes connections that were waited for long enough."""
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
        """Ends what threads have waited for too long, who then read its end, or cannot write."""
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
            # Who has not asked for anything would hold up the stop for as long as `keepalive`.
            deadline = time.monotonic() + STOP_KEEPALIVE_LINGER
            for conn in self.pending_conns:
                conn.timeout = min(conn.timeout, deadline)

    def _close_listeners(self) -> None:
        """Accepts whom the kernel has connected already, then lets it connect nobody else."""
        for listener in self.sockets:
            accepted = -1
            while accepted != self.nr_conns:
                accepted = self.nr_conns
                # More may wait than this process may open files.
                with suppress(OSError):
                    self.accept(listener)
            listener.close()
        self.sockets: list[Any] = []

    def _watch(self, conn: Any, on_readable: Any) -> None:  # noqa: ANN401  # likewise
        conn.sock.setblocking(False)  # noqa: FBT003  # the socket's own signature
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(on_readable, conn))

    def _on_closing_readable(self, conn: Any, _socket: socket.socket) -> None:  # noqa: ANN401  # likewise
        """What the client was still sending is dropped; its end of the connection ends ours."""
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
