"""One request and its answer: from the bytes that came to the bytes that leave."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from gunicorn import SERVER
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import InvalidHeader, InvalidResponseHeader, NoMoreData, ParseException
from gunicorn.http.unreader import Unreader
from gunicorn.util import hop_headers

from app.server.connection import Address, CollectingSocket
from app.server.gate import Gate
from app.server.head import END, MAX_HEAD, BoundedRequest, is_readable
from app.web.json_body import MAX_BODY_BYTES

MAX_RECEIVED = MAX_HEAD + 2 * MAX_BODY_BYTES
"""Bytes of a request that wait for the rest. A chunked body has more of them than it has content."""
PIECE = 8192
"""Bytes that gunicorn's parser gets at once. For each chunk of a body it copies what it has."""
LENGTH = "content-length"
SAFE = bytes([*b"\t\r\n", *range(0x20, 0x7F), *range(0x80, 0x100)])
"""Bytes that may stand in a head (RFC 9110, section 5.5), and its line ends."""
NO_BODY = frozenset({"204", "304"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """The request is not there yet.

    Attributes:
        needed: how many bytes it has at least.
        asks_leave: the client waits for `100 Continue`.
        is_body: the head is there.
        may_end: it may be there before so many bytes, if they end like a chunked body.
    """

    needed: int = 0
    asks_leave: bool = False
    is_body: bool = False
    may_end: bool = False


@dataclass(slots=True)
class Answer:
    """What to send, and what comes after.

    Attributes:
        parts: of the answer.
        is_last: the connection ends with it.
        rest: what came after the request.
        was_short: the application asked for more of the body than had come.
    """

    parts: list[bytes]
    is_last: bool
    rest: bytes = b""
    was_short: bool = False


class _Received(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """What has come of a request, for gunicorn's parser; there is no more."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data
        self._at = 0
        self.was_short = False

    def chunk(self, _size_hint: int | None = None) -> bytes:
        piece = self._data[self._at : self._at + PIECE]
        self._at += len(piece)
        self.was_short = self.was_short or not piece
        return piece

    def position(self) -> int:
        """Bytes that are parsed."""
        return self._at - len(self.buf.getvalue())

    def rest(self) -> bytes:
        """Those that are not."""
        return self._data[self.position() :]


@dataclass(frozen=True, slots=True)
class _PlainRequest:
    """What gunicorn's Response asks about a request of the short path."""

    method: str
    closes: bool
    version: tuple[int, int] = (1, 1)

    def should_close(self) -> bool:
        return self.closes


class Exchange:
    """Answers requests with a WSGI application.

    Args:
        app: the application.
        cfg: gunicorn's settings.
        worker: handed to gunicorn's hooks.
        closes_after: called once for each request; whether the connection must end with its answer.
    """

    def __init__(self, app: Any, *, cfg: Any, worker: Any, closes_after: Callable[[], bool]) -> None:  # noqa: ANN401
        self._app = app
        self._cfg = cfg
        self._worker = worker
        self._closes_after = closes_after
        self._gate = Gate(cfg)
        self._dated = (0, "")

    def answer(self, received: bytes, *, client: Address, server: Address, is_over: bool) -> Answer | Wanted:
        """The answer to the first request in these bytes, or what is missing of it.

        Args:
            received: what has come.
            client: its address.
            server: the address it connected to.
            is_over: no more will come.

        Raises:
            ParseException: that is no request.
            EOFError: nothing more will come, and that is no whole head, or no whole chunked body.
        """
        end = received.find(END)
        if end >= 0:
            environ = self._gate.environ(received, end, client=client, server=server)
            if environ is not None:
                begin = end + len(END)
                over = begin + int(environ.get("CONTENT_LENGTH", 0))
                if over <= len(received):
                    environ["wsgi.input"] = io.BytesIO(received[begin:over])
                    return self._answer_plainly(environ, received[over:])
        if not is_readable(received):
            if is_over:
                raise EOFError
            return Wanted()
        return self._answer_fully(received, client=client, server=server, is_over=is_over)

    def _answer_plainly(self, environ: dict[str, Any], rest: bytes) -> Answer:
        """The short way."""
        closes = environ.get("HTTP_CONNECTION", "").lower() == "close"
        closes = self._closes_after() or closes
        begun: list[Any] = []
        parts: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
            if begun and exc_info is None:
                raise AssertionError("start_response was called twice")
            begun[:] = [status, headers]
            return parts.append

        items = self._app(environ, start_response)
        try:
            parts.extend(items)
        finally:
            if hasattr(items, "close"):
                items.close()
        status, headers = begun
        head = self._plain_head(status, headers, sum(map(len, parts)), closes=closes)
        if head is None or environ["REQUEST_METHOD"] == "HEAD":
            return self._answer_carefully(
                environ["REQUEST_METHOD"], status, headers, parts, rest, closes=closes
            )
        return Answer([head, *parts], closes, rest)

    def _plain_head(
        self, status: str, headers: Sequence[tuple[str, str]], length: int, *, closes: bool
    ) -> bytes | None:
        """The answer's head; None where its length is not said or is wrong, for gunicorn to frame it."""
        names = [name.lower() for name, _ in headers]
        if names.count(LENGTH) != 1 or headers[names.index(LENGTH)][1] != str(length):
            return None
        if not hop_headers.isdisjoint(names) or status[:3] in NO_BODY or status[0] == "1":
            return None
        connection = "close" if closes else "keep-alive"
        lines = [f"HTTP/1.1 {status}", self._date(), f"Connection: {connection}", *map(": ".join, headers)]
        try:
            head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        except UnicodeEncodeError:
            return None
        is_safe = head.count(b"\r") == head.count(b"\n") == len(lines) + 2 and not head.translate(None, SAFE)
        return head if is_safe else None

    def _date(self) -> str:
        now = int(time.time())
        if self._dated[0] != now:
            self._dated = (now, f"Server: {SERVER}\r\nDate: {formatdate(now, usegmt=True)}")
        return self._dated[1]

    def _answer_carefully(
        self,
        method: str,
        status: str,
        headers: list[tuple[str, str]],
        items: list[bytes],
        rest: bytes,
        *,
        closes: bool,
    ) -> Answer:
        """Gunicorn frames an answer of the short path, or refuses it."""
        sock = CollectingSocket()
        response = wsgi.Response(_PlainRequest(method, closes), sock, self._cfg)
        try:
            response.start_response(status, headers)
            for item in items:
                response.write(item)
            response.close()
        except InvalidResponseHeader as error:
            raise RuntimeError("the application's header") from error
        return Answer(sock.parts, bool(response.should_close()), rest)

    def _answer_fully(
        self, received: bytes, *, client: Address, server: Address, is_over: bool
    ) -> Answer | Wanted:
        """The long way: gunicorn reads the request and writes the answer."""
        request, source = self._parse(received, client)
        begin = source.position()
        is_whole = True
        if isinstance(request.body.reader, LengthReader) and begin + request.body.reader.length > len(
            received
        ):
            if request.body.reader.length <= MAX_BODY_BYTES and not is_over:
                needed = begin + request.body.reader.length
                return Wanted(needed, is_body=True, asks_leave=request._expected_100_continue)  # noqa: SLF001
            is_whole = False
        else:
            try:
                request.body = io.BytesIO(request.body.read())
            except (NoMoreData, ParseException) as error:
                if not source.was_short:
                    raise
                if is_over:
                    raise EOFError from error
                if len(received) <= MAX_RECEIVED:
                    asks_leave = request._expected_100_continue and len(received) == begin  # noqa: SLF001
                    needed = min(len(received) * 2, MAX_RECEIVED + 1)
                    return Wanted(needed, is_body=True, may_end=True, asks_leave=asks_leave)
                request, source = self._parse(received, client)
                is_whole = False
        return self._run(request, source, client, server, is_whole=is_whole)

    def _parse(self, received: bytes, client: Address) -> tuple[Any, _Received]:
        source = _Received(received)
        try:
            return BoundedRequest(self._cfg, source, client), source
        except (NoMoreData, StopIteration) as error:
            # It has no end of a head, and never will: a line feed stands alone.
            raise InvalidHeader("line end") from error

    def _run(
        self,
        request: Any,  # noqa: ANN401  # gunicorn has no types
        source: _Received,
        client: Address,
        server: Address,
        *,
        is_whole: bool,
    ) -> Answer:
        # The body is there, or will not be read to its end.
        request._expected_100_continue = False  # noqa: SLF001
        sock = CollectingSocket()
        response, environ = None, {}
        try:
            self._cfg.pre_request(self._worker, request)
            response, environ = wsgi.create(request, sock, client, server, self._cfg)
            environ["wsgi.multithread"] = True
            if self._closes_after() or not is_whole:
                response.force_close()
            items = self._app(environ, response.start_response)
            try:
                for item in items:
                    response.write(item)
                response.close()
            finally:
                if hasattr(items, "close"):
                    items.close()
        except InvalidResponseHeader as error:
            raise RuntimeError("the application's header") from error
        finally:
            self._cfg.post_request(self._worker, request, environ, response)
        is_last = bool(response.should_close())
        return Answer(sock.parts, is_last, b"" if is_last else source.rest(), source.was_short)
