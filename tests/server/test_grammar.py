"""One HTTP grammar, whichever of gunicorn's parsers reads it: in C, or in Python."""

import json
import socket
from collections.abc import Iterator

import pytest

from app.server.head import MAX_HEAD
from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.service import Service

PARSERS = [
    pytest.param("--http-parser fast", id="in C", marks=pytest.mark.needs("gunicorn_h1c")),
    pytest.param("--http-parser python", id="in Python"),
]
HOST = b"Host: a\r\n"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
SMUGGLED = b"GET /auth/session HTTP/1.1\r\nHost: a\r\n\r\n"

REFUSED = {
    "LF ends every line": b"GET /health HTTP/1.1\nHost: a\n\n",
    "LF ends the request line": b"GET /health HTTP/1.1\nHost: a\r\n\r\n",
    "LF ends a header": b"GET /health HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "LF ends the head": b"GET /health HTTP/1.1\r\nHost: a\r\n\n",
    "LF before the request": b"\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "two requests in one header": b"GET /health HTTP/1.1\r\nHost: a\r\nUseless:\n\n" + SMUGGLED,
    "two requests and no first": b"Useless:\n\nGET /auth/session HTTP/1.1\nHost: a\n\n",
    "two requests divided by LF": b"GET /health HTTP/1.1\nHost: a\n\n" + SMUGGLED,
    "CR alone in a header": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n",
    "CR alone in the request line": b"GET /health\rX HTTP/1.1\r\nHost: a\r\n\r\n",
    "a folded line": b"GET /health HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1,\r\n 192.0.2.2\r\n\r\n",
    "a line folded with a tab": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n",
    "the first line folded": b"GET /health HTTP/1.1\r\n Host: a\r\n\r\n",
    "a line of blanks": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\r\n \r\n\r\n",
    "a blank before the colon": b"GET /health HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
    "a tab before the colon": b"GET /health HTTP/1.1\r\nHost: a\r\nX\t: a\r\n\r\n",
    "no name": b"GET /health HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n",
    "no colon": b"GET /health HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "NUL in a value": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "NUL in a name": b"GET /health HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
    "NUL in the target": b"GET /health\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the method": b"GE\0T /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a control character in a value": b"GET /health HTTP/1.1\r\nHost: a\r\nX: \x0b\r\n\r\n",
    "DEL in a value": b"GET /health HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
    "a name beyond ASCII": b"GET /health HTTP/1.1\r\nHost: a\r\nX\xff: a\r\n\r\n",
    "a target beyond ASCII": b"GET /health?\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    "two Hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two blanks after the method": b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "two blanks before the version": b"GET /health  HTTP/1.1\r\nHost: a\r\n\r\n",
    "a blank after the version": b"GET /health HTTP/1.1 \r\nHost: a\r\n\r\n",
    "a blank before the method": b" GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab for a blank": b"GET\t/health HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /health\r\nHost: a\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is no path": b"GET health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star for others than OPTIONS": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.2": b"GET /health HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /health HTTP/0.9\r\nHost: a\r\n\r\n",
    "a small letter in the method": b"GeT /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "two empty lines before the request": b"\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
}
LENGTHS = [
    b"+3",
    b"-3",
    b"3, 3",
    b"3,",
    b"0x3",
    b"1_0",
    b"",
    b"\xb3",
    b"3 3",
    b"3\x0b",
    b"9" * 19,
    b"9" * 5000,
]
CODINGS = [
    b"xchunked",
    b"chunk",
    b'"chunked"',
    b"\x0bchunked",
    b"chunked\x0b",
    b"chunked;q=1",
    b"chunked, identity",
    b"chunked, chunked",
    b"chunked, gzip",
    b"chunked,",
    b",chunked",
    b"identity",
    b"gzip",
    b"tea, chunked",
    b"",
]
HEADERS = {
    **{f"Content-Length: {length[:9]!r}": b"Content-Length: " + length for length in LENGTHS},
    **{f"Transfer-Encoding: {coding!r}": b"Transfer-Encoding: " + coding for coding in CODINGS},
    "two Content-Lengths": b"Content-Length: 3\r\nContent-Length: 3",
    "Content-Length and Transfer-Encoding": b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding and Content-Length": b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    "two Transfer-Encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding folded": b"Transfer-Encoding: chunked\r\n , identity",
    "Transfer-Encoding with a blank before the colon": b"Transfer-Encoding : chunked",
}


@pytest.fixture(scope="module", params=PARSERS)
def service(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[Service]:
    with fresh_database(postgres, template=TEMPLATE) as url:
        service = Service(database_url=url, WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS=request.param)
        try:
            service.wait_until_serving()
            yield service
        finally:
            service.kill()


def exchange(service: Service, *pieces: bytes) -> bytes:
    """All that is answered until the service closes; the connection is not closed from here."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def assert_refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert json.loads(body)["code"] == code


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
def test_what_is_ambiguous_is_refused_and_ends_the_connection(service: Service, request_bytes: bytes) -> None:
    assert_refused(exchange(service, request_bytes), 400, "bad_request")


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_body_whose_end_can_be_doubted_is_refused(service: Service, header: bytes, version: bytes) -> None:
    head = b"POST /auth/logout HTTP/" + version + b"\r\n" + HOST + header + b"\r\n\r\n"
    assert_refused(exchange(service, head + CHUNKS + SMUGGLED), 400, "bad_request")


@pytest.mark.parametrize(
    "body",
    [
        b"3\nabc\n0\n\n",
        b"3\r\nabc0\r\n\r\n",
        b"g\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"-1\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_broken_chunks_end_the_connection(service: Service, body: bytes) -> None:
    head = b"POST /auth/logout HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert exchange(service, head + body + b"\r\n\r\n", SMUGGLED).count(b"HTTP/1.1 ") == 1


def head_of(length: int) -> bytes:
    """A request with a cookie as long as it takes."""
    begin = b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: close\r\nCookie: a="
    return begin + b"x" * (length - len(begin) - 4) + b"\r\n\r\n"


def test_a_head_of_32_kib_is_taken_and_a_longer_one_is_not(service: Service) -> None:
    assert exchange(service, head_of(MAX_HEAD)).startswith(b"HTTP/1.1 200 ")
    assert_refused(exchange(service, head_of(MAX_HEAD + 1)), 431, "headers_too_large")
    assert_refused(exchange(service, head_of(MAX_HEAD * 8)), 431, "headers_too_large")


def test_many_long_headers_are_as_much_as_one(service: Service) -> None:
    lines = b"".join(b"X-%d: " % number + b"x" * 8000 + b"\r\n" for number in range(90))
    answer = exchange(service, b"GET /health HTTP/1.1\r\n" + HOST + lines + b"\r\n")
    assert_refused(answer, 431, "headers_too_large")


def test_a_head_that_never_ends_is_refused_as_soon_as_it_is_too_long(service: Service) -> None:
    answer = exchange(service, b"GET /health HTTP/1.1\r\n" + HOST + b"Cookie: " + b"x" * MAX_HEAD)
    assert_refused(answer, 431, "headers_too_large")
    assert_refused(exchange(service, b"x" * 9000), 414, "uri_too_long")


def test_trailers_are_bounded_like_heads(service: Service) -> None:
    head = b"POST /auth/logout HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    lines = b"".join(b"X-%d: " % number + b"x" * 8000 + b"\r\n" for number in range(90))
    assert exchange(service, head, lines + b"\r\n", SMUGGLED).count(b"HTTP/1.1 ") == 1
