"""Our gunicorn worker: threads on one shared epoll, which a client holds only while it is being answered."""

import errno
import logging
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker

from app.server.connection import Connection
from app.server.crowd import whom_to_close
from app.server.exchange import Answer, Exchange, Wanted
from app.server.head import END
from app.server.stop_signals import STOP_SIGNALS
from app.web.problems import invalid_request_answer

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay silent."""
HEAD_SECONDS = 10.0
"""How long a client may take for its request line and headers, from their first byte on."""
REQUEST_SECONDS = 60.0
"""How long the rest may take: sending the body, our work; and once more, reading the answer."""
SILENT_BODY_SECONDS = 5.0
"""How long a body may stand still; then the request is answered without the rest of it."""
CLOSE_LINGER = 2.0
"""Seconds a client has to read the last answer and close, before its connection is closed for it."""
STOP_LINGER = 2.0
"""The same for a kept connection when the worker stops: its next request may be on the way."""
TICK = 0.5
"""Seconds between two looks at the deadlines."""
NOBODY_YET = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
READ = select.EPOLLIN | select.EPOLLONESHOT
WRITE = select.EPOLLOUT | select.EPOLLONESHOT

logger = logging.getLogger(__name__)


class Worker(BaseWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that wait on one epoll. The kernel wakes one for a connection; it reads, answers and arms it again.

    Each registration is one-shot, so a connection that somebody has wakes nobody else. Only who has it closes
    it. The main thread runs no request: signals, heartbeat and deadlines are its own. It cuts a connection off
    with shutdown(), which wakes a thread that closes it: a descriptor that the main thread closed could be a
    stranger's by the time its owner uses it.

    Attributes:
        is_told_to_stop: whether the replica is stopping; not set where only this worker is replaced.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        super().__init__(*args, **kwargs)
        self.is_told_to_stop = False
        # A stop may come before the application is loaded.
        self.wsgi: Any = None
        self._connections: dict[int, Connection] = {}
        self._listeners: dict[int, socket.socket] = {}
        # Held while a connection is closed, and while the main thread shuts one down.
        self._closing = threading.Lock()
        self._is_full = False
        self._is_over = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.is_told_to_stop = True
        if self.wsgi is not None:
            self.wsgi.stopping.set()
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """Serves until it is told to stop or its master is gone, then answers whom it has."""
        self._epoll = select.epoll()
        self._exchange = Exchange(self.wsgi, cfg=self.cfg, worker=self, closes_after=self._count_request)
        over, tell = os.pipe()
        self._epoll.register(over, select.EPOLLIN)
        for listener in self.sockets:
            listener.setblocking(False)
            self._listeners[listener.fileno()] = listener
            self._epoll.register(listener.fileno(), READ)
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(self.cfg.threads)]
        for thread in threads:
            thread.start()
        while self.alive and self.ppid == os.getppid():
            self._tick(TICK)
        self._stop()
        self._is_over = True
        os.close(tell)
        for thread in threads:
            thread.join(TICK)

    def _tick(self, seconds: float) -> None:
        """Waits so long, or until a signal; then looks at the deadlines."""
        self.notify()
        with suppress(InterruptedError):
            if select.select([self.PIPE[0]], [], [], seconds)[0]:
                os.read(self.PIPE[0], 4096)
        now = time.monotonic()
        for conn in list(self._connections.values()):
            if conn.deadline <= now:
                self._cut(conn)
        if self._is_full:
            # Silent clients may have been too new when it became full; files of others may be closed by now.
            self._make_room(self.cfg.worker_connections * 9 // 10)
            self._is_full = len(self._connections) >= self.cfg.worker_connections
            self._listen()

    def _stop(self) -> None:
        self.alive = False
        for fd, listener in list(self._listeners.items()):
            # Without this the epoll would watch it further: the master has it, too.
            self._epoll.unregister(fd)
            # The clients that the kernel has already connected; there may be more than files that can be open.
            with suppress(OSError):
                while self._accept_one(listener):
                    pass
            del self._listeners[fd]
            listener.close()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._connections and time.monotonic() < end:
            now = time.monotonic()
            for conn in list(self._connections.values()):
                if conn.is_waiting and not (conn.received or conn.unsent or conn.is_closing):
                    conn.deadline = min(conn.deadline, now + STOP_LINGER)
            self._tick(TICK / 5)

    def _serve(self) -> None:
        """What each thread does."""
        poll = self._epoll.poll
        connections = self._connections
        while not self._is_over:
            for fd, _ in poll(-1, 1):
                conn = connections.get(fd)
                try:
                    if conn is not None:
                        conn.is_waiting = False
                        self._go_on(conn)
                    elif listener := self._listeners.get(fd):
                        self._accept(listener)
                except Exception:
                    # Whatever it is, the thread goes on with others.
                    logger.exception("Connection error")
                    if conn is not None:
                        self._close(conn)

    def _accept(self, listener: socket.socket) -> None:
        try:
            # One at a time, as other workers may be idle.
            self._accept_one(listener)
        except OSError as error:
            logger.warning("No more connections", extra={"fault": errno.errorcode.get(error.errno or 0)})
            self._make_room(len(self._connections) - 1)
            self._is_full = True
        limit: int = self.cfg.worker_connections
        if len(self._connections) > limit * 9 // 10:
            self._make_room(limit * 9 // 10)
            self._is_full = self._is_full or len(self._connections) >= limit
        if not self._is_full:
            self._listen()

    def _accept_one(self, listener: socket.socket) -> bool:
        """Whether there was one.

        Raises:
            OSError: this process may open no more files.
        """
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in NOBODY_YET:
                return False
            raise
        conn = Connection(sock, client, listener.getsockname(), patience=FIRST_REQUEST_SECONDS)
        self._connections[conn.fd] = conn
        self._epoll.register(conn.fd, READ)
        return True

    def _listen(self) -> None:
        """Lets the epoll tell of newcomers again."""
        for fd in list(self._listeners):
            # The main thread may have closed it for a stop.
            with suppress(OSError, ValueError):
                self._epoll.modify(fd, READ)

    def _make_room(self, most: int) -> None:
        for conn in whom_to_close(list(self._connections.values()), most):
            self._cut(conn, is_late=False)

    def _cut(self, conn: Connection, *, is_late: bool = True) -> None:
        """Wakes a thread that ends the connection; a request whose body stands still is answered first."""
        with self._closing:
            if self._connections.get(conn.fd) is not conn:
                return
            conn.is_short = is_late and conn.needed > 0 and conn.is_waiting
            conn.cut()
        if is_late and not (conn.is_short or conn.is_closing) and (conn.received or conn.unsent):
            self._log_slow(conn)

    def _log_slow(self, conn: Connection) -> None:
        logger.warning("Client too slow", extra={"client": conn.client[0] if conn.client else None})

    def _close(self, conn: Connection) -> None:
        with self._closing:
            if self._connections.get(conn.fd) is conn:
                del self._connections[conn.fd]
            conn.sock.close()
        if self._is_full:
            self._is_full = False
            self._listen()

    def _arm(self, conn: Connection, event: int) -> None:
        """Gives the connection back to the epoll; from here on another thread may have it."""
        conn.is_waiting = True
        self._epoll.modify(conn.fd, event)

    def _go_on(self, conn: Connection) -> None:
        """Does what the connection is ready for."""
        try:
            if conn.unsent:
                self._after_sending(conn, is_all=conn.flush())
            elif not conn.is_closing:
                self._read(conn)
            elif conn.drop_input():
                self._close(conn)
            else:
                self._arm(conn, READ)
        except OSError:
            self._close(conn)

    def _read(self, conn: Connection) -> None:
        is_new = not conn.received
        is_open = conn.receive()
        received = conn.received
        if conn.is_cut and not conn.is_short:
            self._close(conn)
        elif not received:
            if is_open:
                self._arm(conn, READ)
            else:
                self._close(conn)
        elif is_open and len(received) < conn.needed and not (conn.may_end and received.endswith(END)):
            self._await_body(conn)
        else:
            self._answer(conn, is_new=is_new, is_over=not is_open)

    def _answer(self, conn: Connection, *, is_new: bool, is_over: bool) -> None:
        now = time.monotonic()
        head_deadline = now + HEAD_SECONDS if is_new else conn.deadline
        conn.deadline = now + REQUEST_SECONDS
        try:
            answer = self._exchange.answer(
                conn.received, client=conn.client, server=conn.server, is_over=is_over
            )
        except EOFError:
            self._close(conn)
        except Exception as error:  # noqa: BLE001  # what is no request, and faults of our own
            self._refuse(conn, error)
        else:
            if isinstance(answer, Answer):
                self._send(conn, answer)
            elif answer.is_body:
                self._want_body(conn, answer)
            else:
                conn.deadline = head_deadline
                self._arm(conn, READ)

    def _want_body(self, conn: Connection, wanted: Wanted) -> None:
        if not conn.needed:
            conn.body_deadline = time.monotonic() + REQUEST_SECONDS
            if wanted.asks_leave:
                conn.sock.send(CONTINUE)
        conn.needed, conn.may_end = wanted.needed, wanted.may_end
        self._await_body(conn)

    def _await_body(self, conn: Connection) -> None:
        conn.deadline = min(conn.body_deadline, time.monotonic() + SILENT_BODY_SECONDS)
        self._arm(conn, READ)

    def _send(self, conn: Connection, answer: Answer) -> None:
        if conn.is_short and answer.was_short:
            self._log_slow(conn)
            self._close(conn)
            return
        conn.received = answer.rest
        conn.needed = 0
        conn.is_last = answer.is_last
        conn.since = time.monotonic()
        conn.deadline = conn.since + REQUEST_SECONDS
        self._after_sending(conn, is_all=conn.send(answer.parts))

    def _after_sending(self, conn: Connection, *, is_all: bool) -> None:
        now = time.monotonic()
        if not is_all:
            self._arm(conn, WRITE)
            return
        conn.since = now
        conn.is_kept = True
        if conn.is_last:
            # Half-closing first lets the client read the whole answer (RFC 9112, section 9.6).
            conn.sock.shutdown(socket.SHUT_WR)
            conn.is_closing = True
            conn.deadline = now + CLOSE_LINGER
            self._arm(conn, READ)
        elif conn.received:
            # Of what is read already the epoll tells only like this; and others have their turn before it.
            conn.deadline = now + HEAD_SECONDS
            self._arm(conn, WRITE)
        else:
            conn.deadline = now + self.cfg.keepalive
            self._arm(conn, READ)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        """Answers with a problem. Logs only the kind of fault, as the bytes may hold a code or a cookie."""
        refused = invalid_request_answer(error, self.wsgi.security_headers)
        self.wsgi.metrics.requests.labels("OTHER", "unmatched", str(refused.status)).inc()
        fields = {
            "request_id": refused.request_id,
            "status": refused.status,
            "client": conn.client[0] if conn.client else None,
            "fault": type(error).__name__,
        }
        level = logging.WARNING
        if refused.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            level = logging.ERROR
        logger.log(level, "Invalid request", extra=fields)
        self._send(conn, Answer([refused.raw], is_last=True))

    def _count_request(self) -> bool:
        """Whether the connection ends with this request's answer."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
            os.write(self.PIPE[1], b".")
        return not (self.alive and self.cfg.keepalive)
