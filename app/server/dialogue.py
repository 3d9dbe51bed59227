"""What a greenlet does with a connection, from the poller's event until it arms the connection again."""

import logging
import socket
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from app.server.connection import Connection
from app.server.exchange import Answer, Exchange, Wanted
from app.telemetry.metrics import Metrics
from app.waiting.poller import READ, WRITE, Poller
from app.web.problems import invalid_request_answer

HEAD_SECONDS = 10.0
"""How long a client may take for its request line and headers, from their first byte on."""
SILENT_BODY_SECONDS = 5.0
"""How long a body may stand still; then the request is answered without the rest, a chunked one closed."""
CLOSE_LINGER = 2.0
"""Seconds a client has to read the last answer and close, before its connection is closed for it."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

logger = logging.getLogger(__name__)


class Dialogue:
    """Reads requests, sends their answers, and never waits for a client. At most one request at a time.

    Args:
        poller: watches the connections between two steps.
        exchange: answers.
        close: called with a connection that is over.
        request_seconds: how long a client may take for a body, and once more to read an answer.
        keepalive: how long a connection may be idle between two requests.
        metrics: count what is no request.
        security_headers: of the answers to that.
    """

    def __init__(
        self,
        *,
        poller: Poller,
        exchange: Exchange,
        close: Callable[[Connection], None],
        request_seconds: float,
        keepalive: float,
        metrics: Metrics,
        security_headers: Mapping[str, str],
    ) -> None:
        self._poller = poller
        self._exchange = exchange
        self._close = close
        self._request_seconds = request_seconds
        self._keepalive = keepalive
        self._metrics = metrics
        self._security_headers = security_headers

    def go_on(self, conn: Connection) -> None:
        """Does what the connection is ready for. Afterwards it is closed, or the poller's."""
        conn.is_waiting = False
        try:
            if conn.unsent:
                if conn.flush():
                    self._after_sending(conn)
                else:
                    self._arm(conn, WRITE)
            elif not conn.is_closing:
                self._read(conn)
            elif conn.drop_input():
                self._close(conn)
            else:
                self._arm(conn, READ)
        except OSError:
            self._close(conn)

    def _arm(self, conn: Connection, event: int) -> None:
        """Gives the connection back to the poller; it tells of the next event."""
        conn.is_waiting = True
        self._poller.modify(conn.fd, event)

    def _read(self, conn: Connection) -> None:
        is_new = not conn.received
        is_open = conn.is_ahead or conn.receive()
        conn.is_ahead = False
        received = conn.received
        if conn.is_cut and not conn.is_short:
            self._close(conn)
        elif not received:
            if is_open:
                self._arm(conn, READ)
            else:
                self._close(conn)
        elif is_open and not conn.may_be_whole():
            self._await_body(conn)
        else:
            self._answer(conn, is_new=is_new, is_over=not is_open)

    def _answer(self, conn: Connection, *, is_new: bool, is_over: bool) -> None:
        now = time.monotonic()
        head_deadline = now + HEAD_SECONDS if is_new else conn.deadline
        conn.deadline = now + self._request_seconds
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
            conn.body_deadline = conn.deadline
            if wanted.asks_leave:
                conn.sock.send(CONTINUE)
        conn.needed, conn.may_end = wanted.needed, wanted.may_end
        conn.parsed += len(conn.received)
        self._await_body(conn)

    def _await_body(self, conn: Connection) -> None:
        conn.deadline = min(conn.body_deadline, time.monotonic() + SILENT_BODY_SECONDS)
        self._arm(conn, READ)

    def _send(self, conn: Connection, answer: Answer) -> None:
        if conn.is_short and answer.was_short:
            log_slow(conn)
            self._close(conn)
            return
        conn.received, conn.is_last = answer.rest, answer.is_last
        conn.needed = conn.parsed = 0
        if conn.send(answer.parts):
            self._after_sending(conn)
            return
        conn.since = time.monotonic()
        conn.deadline = conn.since + self._request_seconds
        self._arm(conn, WRITE)

    def _after_sending(self, conn: Connection) -> None:
        conn.since = now = time.monotonic()
        conn.is_kept = True
        if conn.is_last:
            # Half-closing first lets the client read the whole answer (RFC 9112, section 9.6).
            conn.sock.shutdown(socket.SHUT_WR)
            conn.is_closing = True
            conn.deadline = now + CLOSE_LINGER
            self._arm(conn, READ)
        elif conn.received:
            # The poller does not report bytes that were read before, so this waits for writing. Other
            # connections get their turn first.
            conn.deadline = now + HEAD_SECONDS
            conn.is_ahead = True
            self._arm(conn, WRITE)
        else:
            conn.deadline = now + self._keepalive
            self._arm(conn, READ)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        """Answers with a problem. Logs only the kind of fault, as the bytes may hold a code or a cookie."""
        refused = invalid_request_answer(error, self._security_headers)
        self._metrics.requests.labels("OTHER", "unmatched", str(refused.status)).inc()
        fields = {
            "request_id": refused.request_id,
            "status": refused.status,
            "code": refused.code,
            "client": conn.client[0] if conn.client else None,
            "fault": type(error).__name__,
        }
        level = logging.ERROR if refused.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
        logger.log(level, "Invalid request", extra=fields)
        self._send(conn, Answer([refused.raw], is_last=True))


def log_slow(conn: Connection) -> None:
    """Says that the client is cut off in the midst of something."""
    logger.warning("Client too slow", extra={"client": conn.client[0] if conn.client else None})
