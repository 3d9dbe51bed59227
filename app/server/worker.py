"""Our gunicorn worker: threads on one shared poller. A client holds a thread only while it is answered."""

import errno
import logging
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker

from app.server.connection import Connection
from app.server.crowd import choose_closable, choose_holding
from app.server.dialogue import Dialogue, log_slow
from app.server.exchange import Exchange
from app.server.poller import IN, READ, make_poller
from app.server.stop_signals import STOP_SIGNALS

FIRST_REQUEST_SECONDS = 10.0
"""How long a new connection may stay silent."""
REQUEST_SECONDS = 60.0
"""How long a client may take for a body, and once more to read an answer."""
STOP_LINGER = 2.0
"""How long a kept connection may stay silent when the worker stops: its next request may be on the way."""
TICK = 0.1
"""Seconds between two looks at the deadlines and turns."""
NOBODY_YET = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR})

logger = logging.getLogger(__name__)


class Worker(BaseWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads on one poller. The kernel wakes one for a connection; it reads, answers and arms it again.

    Only threads with a turn (app/threads/turns.py) ask the poller.
    Each registration is one-shot, so only one thread has a connection at a time, and only that thread closes
    it. The main thread runs no request; it handles signals, heartbeat and deadlines. It ends a connection
    with shutdown(), which wakes a thread that closes it. If the main thread closed the descriptor itself,
    another thread could use it when it already belongs to a new connection.

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
        # Held while a connection is accepted, closed, or shut down by the main thread. A stop takes it before
        # it drops the listeners: whom a thread has just accepted is then among those that the stop answers.
        self._lock = threading.Lock()
        self._keeps = bool(self.cfg.keepalive)
        self._most: int = self.cfg.worker_connections
        # Beyond so many, connections end with their answer, and those that stand still are closed.
        self._comfortable = self._most * 9 // 10
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
        """Serves until it is told to stop or its master is gone, then answers the clients it has."""
        self._poller = make_poller()
        self._dialogue = Dialogue(
            poller=self._poller,
            exchange=Exchange(self.wsgi, cfg=self.cfg, worker=self, closes_after=self._count_request),
            close=self._close,
            request_seconds=REQUEST_SECONDS,
            keepalive=self.cfg.keepalive,
            metrics=self.wsgi.metrics,
            security_headers=self.wsgi.security_headers,
        )
        over, tell = os.pipe()
        self._poller.register(over, IN)
        for listener in self.sockets:
            listener.settimeout(0)
            self._listeners[listener.fileno()] = listener
            self._poller.register(listener.fileno(), READ)
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(self.cfg.threads)]
        for thread in threads:
            thread.start()
        while self.alive and self.ppid == os.getppid():
            self._tick()
        self._stop()
        self._is_over = True
        os.close(tell)
        for thread in threads:
            thread.join(TICK)

    def _tick(self) -> None:
        """Waits for TICK or a signal, then checks the turns and deadlines."""
        self.notify()
        with suppress(InterruptedError):
            if select.select([self.PIPE[0]], [], [], TICK)[0]:
                os.read(self.PIPE[0], 4096)
        self.wsgi.turns.take_back(TICK)
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

    def _stop(self) -> None:
        self.alive = False
        with self._lock:
            listeners = dict(self._listeners)
            self._listeners.clear()
            for fd in listeners:
                # Without this epoll would watch it further: the master has it, too.
                self._poller.unregister(fd)
        for listener in listeners.values():
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

    def _serve(self) -> None:
        """What each thread does."""
        poll = self._poller.poll
        connections = self._connections
        turns = self.wsgi.turns
        while not self._is_over:
            turns.take()
            for fd, _ in poll(-1, 1):
                turns.begin()
                conn = connections.get(fd)
                try:
                    if conn is not None:
                        self._dialogue.go_on(conn)
                    elif fd in self._listeners:
                        self._accept(fd)
                except Exception:
                    # Whatever it is, the thread goes on with others.
                    logger.exception("Connection error")
                    if conn is not None:
                        self._close(conn)
        turns.give_up()

    def _accept(self, fd: int) -> None:
        try:
            with self._lock:
                if listener := self._listeners.get(fd):
                    # One at a time, as other workers may be idle.
                    self._accept_one(listener)
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
        with self._lock:
            for fd in self._listeners:
                self._poller.modify(fd, READ)

    def _make_room(self, most: int) -> None:
        for conn in choose_closable(list(self._connections.values()), most):
            # Since they were chosen a request may have come, and a thread may have taken it.
            if not conn.has_input() and conn.is_waiting:
                self._cut(conn, is_late=False)

    def _cut(self, conn: Connection, *, is_late: bool = True) -> None:
        """Wakes a thread that ends the connection; a request whose body stands still is answered first."""
        with self._lock:
            if self._connections.get(conn.fd) is not conn:
                return
            conn.is_short = is_late and conn.needed > 0 and conn.is_waiting
            conn.cut()
        if is_late and not (conn.is_short or conn.is_closing) and (conn.received or conn.unsent):
            log_slow(conn)

    def _close(self, conn: Connection) -> None:
        with self._lock:
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
            os.write(self.PIPE[1], b".")
        return not (self.alive and self._keeps and len(self._connections) <= self._comfortable)
