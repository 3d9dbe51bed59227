"""Bounds the head of a request, and tells when it is complete."""

from gunicorn.http.errors import (
    InvalidHeader,
    InvalidHTTPVersion,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
)
from gunicorn.http.message import Request

MAX_HEAD = 32 * 1024
"""Bytes of a request line, its headers and the empty line after them."""
MAX_REQUEST_LINE = 8190
BLANKS = 2
MAX_LENGTH = 2**63 - 1
END = b"\r\n\r\n"


def is_readable(received: bytes | bytearray) -> bool:
    """Whether these first bytes of a request are a head, or can never become one.

    Raises:
        LimitRequestLine: the first line is longer than MAX_REQUEST_LINE.
        LimitRequestHeaders: the head is longer than MAX_HEAD.
    """
    first_line = received.find(b"\r\n", 0, MAX_REQUEST_LINE + 2)
    if first_line < 0 and len(received) > MAX_REQUEST_LINE + 2:
        raise LimitRequestLine(len(received), MAX_REQUEST_LINE)
    length = received.find(END) + len(END)
    if length < len(END):
        length = len(received) + 1
    if length > MAX_HEAD:
        raise LimitRequestHeaders("max head")
    return length <= len(received) or has_bare_newline(received)


def has_bare_newline(received: bytes | bytearray) -> bool:
    """Whether a line feed has no carriage return before it, which ends no line of a head (RFC 9112, 2.2)."""
    return received.count(b"\n") != received.count(b"\r\n")


def joined_cookies(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers with one Cookie at most: HTTP/2 clients may split it into several (RFC 9113, 8.2.3)."""
    cookies = [value for name, value in headers if name == "COOKIE"]
    if len(cookies) < 2:  # noqa: PLR2004  # then there is nothing to join
        return headers
    return [header for header in headers if header[0] != "COOKIE"] + [("COOKIE", "; ".join(cookies))]


class BoundedRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """A Request whose whole head is bounded, and the same with gunicorn's parsers in C and in Python.

    gunicorn bounds each line, and their number. Its parser in C takes several blanks for one in the request
    line, the one in Python takes HTTP/1.2 and bodies whose length no machine has.
    """

    def parse(self, unreader: object) -> bytes:
        # Trailers come after a chunked body, and are a head, too.
        self.max_buffer_headers = MAX_HEAD
        received = bytearray()
        self.read_into(unreader, received, stop=True)
        while not is_readable(received):
            self.read_into(unreader, received)
        line = received.removeprefix(b"\r\n").partition(b"\r\n")[0]
        if line.count(b" ") != BLANKS and len(line) <= MAX_REQUEST_LINE:
            raise InvalidRequestLine("blanks")
        self.unreader.unread(bytes(received))
        rest: bytes = super().parse(unreader)
        if self.version > (1, 1):
            raise InvalidHTTPVersion(self.version)
        self.headers: list[tuple[str, str]] = joined_cookies(self.headers)
        return rest

    def set_body_reader(self) -> None:
        super().set_body_reader()
        for name, value in self.headers:
            if name == "CONTENT-LENGTH" and int(value) > MAX_LENGTH:
                raise InvalidHeader(name, req=self)
