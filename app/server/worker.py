"""Our gunicorn worker: greenlets on one poller. A client holds a greenlet only while it is answered."""

import errno
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker

from app.server.connection import Connection
from app.server.crowd import choose_closable, choose_holding
from app.server.dialogue import Dialogue, log_slow
from app.server.exchange import Exchange
from app.server.runners import Runners
from app.server.stop_signals import STOP_SIGNALS
from app.waiting.poller import IN, READ, make_poller

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay silent."""
REQUEST_SECONDS = 60.0
"""How long a client may take for a body, and once more to read an answer."""
STOP_LINGER = 2.0
"""How long a kept connection may stay silent when the worker stops: its next request may be on the way."""
TICK = 0.1
"""Seconds between two looks at the deadlines."""
MOST_AT_ONCE = 64
"""Descriptors that are asked for at once."""
NOBODY_YET = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR})

logger = logging.getLogger(__name__)


class Worker(BaseWorker):  # type: ignore[misc]  # gunicorn has no types
    """One thread that polls. A greenlet takes each connection that is ready, answers, and arms it again.

    A greenlet never waits for a client. Where it waits for PostgreSQL, Redis or a provider, it does so in the
    hub (app/waiting/hub.py), and the thread goes on with other greenlets. Each registration is one-shot, so
    only one greenlet has a connection at a time, and only that greenlet closes it. Whoever else ends a
    connection shuts it down, which makes it ready for a greenlet that closes it.

    Attributes:
        is_told_to_stop: whether this worker has had SIGTERM: the replica stops, or SIGHUP replaces its
            workers. Readiness is then 503 on the connections that this worker still has. It is not set where
            the worker recycles itself.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        super().__init__(*args, **kwargs)
        # Before the first heartbeat the master sees the file's own time, which is no monotonic one: it would
        # never kill a worker that hangs while it starts.
        self.notify()
        self.is_told_to_stop = False
        # A stop may come before the application is loaded.
        self.wsgi: Any = None
        self._connections: dict[int, Connection] = {}
        self._listeners: dict[int, socket.socket] = {}
        self._keeps = bool(self.cfg.keepalive)
        self._most: int = self.cfg.worker_connections
        # Beyond so many, connections end with their answer, and those that stand still are closed.
        self._comfortable = self._most * 9 // 10
        self._is_full = False

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401  # gunicorn's own signature
        self.is_told_to_stop = True
        if self.wsgi is not None:
            self.wsgi.stopping.set()
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """Serves until it is told to stop or its master is gone, then answers the clients it has."""
        self._poller = make_poller()
        self._hub = self.wsgi.hub
        self._hub.begin(self._poller, wake=self._wake)
        self._dialogue = Dialogue(
            poller=self._poller,
            exchange=Exchange(self.wsgi.app, cfg=self.cfg, worker=self, closes_after=self._count_request),
            close=self._close,
            request_seconds=REQUEST_SECONDS,
            keepalive=self.cfg.keepalive,
            metrics=self.wsgi.metrics,
            security_headers=self.wsgi.security_headers,
        )
        self._runners = Runners(self.cfg.threads, self._go_on)
        self._poller.register(self.PIPE[0], IN)
        for listener in self.sockets:
            listener.settimeout(0)
            self._listeners[listener.fileno()] = listener
            self._poller.register(listener.fileno(), READ)
        try:
            while self.alive and self.ppid == os.getppid():
                self._tick()
            self._stop()
        finally:
            self._hub.end()

    def _tick(self) -> None:
        """Serves for TICK or until the worker has to stop, then looks at the deadlines."""
        self.notify()
        end = time.monotonic() + TICK
        is_alive = self.alive
        while self.alive == is_alive and (left := end - time.monotonic()) > 0:
            self._serve(left)
        now = time.monotonic()
        connections = list(self._connections.values())
        for conn in connections:
            if conn.deadline <= now:
                self._cut(conn)
        for conn in choose_holding(connections):
            self._cut(conn, is_late=False)
        if self._is_full:
            # Silent clients may have been too new when it became full; files of others may be closed by now.
            self._make_room(self._comfortable)
            self._is_full = len(self._connections) >= self._most
            if not self._is_full:
                self._listen()

    def _serve(self, seconds: float) -> None:
        """Goes on with whatever becomes ready first, within so many seconds."""
        connections = self._connections
        for fd, _ in self._poller.poll(self._hub.patience(seconds), MOST_AT_ONCE):
            conn = connections.get(fd)
            if conn is not None:
                self._runners.run(conn)
            elif not self._hub.resume(fd):
                if fd in self._listeners:
                    self._accept(fd)
                elif fd == self.PIPE[0]:
                    os.read(fd, 4096)
        self._hub.go_on()

    def _go_on(self, conn: Connection) -> None:
        try:
            self._dialogue.go_on(conn)
        except Exception:
            # Whatever it is, the worker goes on with others.
            logger.exception("Connection error")
            self._close(conn)

    def _wake(self) -> None:
        # A full pipe wakes as well.
        with suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")

    def _stop(self) -> None:
        self.alive = False
        listeners = dict(self._listeners)
        self._listeners.clear()
        for fd, listener in listeners.items():
            # Without this epoll would watch it further: the master has it, too.
            self._poller.unregister(fd)
            # Clients that the kernel has connected already; there may be more than files that can be open.
            with suppress(OSError):
                while self._accept_one(listener):
                    pass
            listener.close()
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._connections and time.monotonic() < end:
            now = time.monotonic()
            for conn in list(self._connections.values()):
                if conn.is_waiting and not (conn.received or conn.unsent or conn.is_closing):
                    conn.deadline = min(conn.deadline, now + STOP_LINGER)
            self._tick()

    def _accept(self, fd: int) -> None:
        try:
            # One at a time, as other workers may be idle.
            self._accept_one(self._listeners[fd])
        except OSError as error:
            logger.warning("No more connections", extra={"fault": errno.errorcode.get(error.errno or 0)})
            self._make_room(len(self._connections) - 1)
            self._is_full = True
        finally:
            # Whatever happened to this client, others are to be accepted.
            if len(self._connections) > self._comfortable:
                self._make_room(self._comfortable)
                self._is_full = self._is_full or len(self._connections) >= self._most
            if not self._is_full:
                self._listen()

    def _accept_one(self, listener: socket.socket) -> bool:
        """Whether there was one.

        Raises:
            OSError: this process may open no more files, or epoll may watch no more.
        """
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in NOBODY_YET:
                return False
            raise
        conn = Connection(sock, client, listener.getsockname(), patience=FIRST_REQUEST_SECONDS)
        self._connections[conn.fd] = conn
        try:
            self._poller.register(conn.fd, READ)
        except OSError:
            del self._connections[conn.fd]
            sock.close()
            raise
        return True

    def _listen(self) -> None:
        """Lets the poller tell of newcomers again."""
        for fd in self._listeners:
            self._poller.modify(fd, READ)

    def _make_room(self, most: int) -> None:
        for conn in choose_closable(list(self._connections.values()), most):
            # A request may have come that nobody has read yet.
            if not conn.has_input():
                self._cut(conn, is_late=False)

    def _cut(self, conn: Connection, *, is_late: bool = True) -> None:
        """Makes the connection's next step its last; a request whose body stands still is answered first."""
        conn.is_short = is_late and conn.needed > 0 and conn.is_waiting
        conn.cut()
        if is_late and not (conn.is_short or conn.is_closing) and (conn.received or conn.unsent):
            log_slow(conn)

    def _close(self, conn: Connection) -> None:
        if self._connections.get(conn.fd) is conn:
            del self._connections[conn.fd]
        conn.sock.close()
        if self._is_full:
            self._is_full = False
            self._listen()

    def _count_request(self) -> bool:
        """Whether the connection ends with this request's answer."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return not (self.alive and self._keeps and len(self._connections) <= self._comfortable)
