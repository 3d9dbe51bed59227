"""Ways in which a provider fails at one of its endpoints."""

import gzip
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from falcon.testing import Result

from tests.support.provider import Answer, RawAnswer, json_answer
from tests.support.visitor import Visitor, authorize

DISCOVERY, TOKEN, KEYS = "/.well-known/openid-configuration", "/token", "/jwks"
ENDPOINTS = {"discovery": DISCOVERY, "token": TOKEN, "keys": KEYS}
METADATA_FIELDS = {TOKEN: "token_endpoint", KEYS: "jwks_uri"}


class FaultySite(Protocol):
    """A provider that can be told what to answer."""

    issuer: str
    answers: dict[str, Callable[[dict[str, str]], Answer | RawAnswer]]

    @property
    def visits(self) -> list[str]: ...

    def honest_answer(self, path: str, parameters: dict[str, str]) -> Answer: ...


Misbehaviour = Callable[[FaultySite, str], None]


def begin_and_finish(app: Any) -> Result:
    """The last answer of a sign-in: the callback's, or that of a login that came to nothing."""
    visitor = Visitor(app)
    login = visitor.get("/auth/login")
    return visitor.get(authorize(login.headers["location"])) if login.status_code == 302 else login


def answering(answer: Answer) -> Misbehaviour:
    """Always the same."""

    def misbehave(provider: FaultySite, path: str) -> None:
        provider.answers[path] = lambda _: answer

    return misbehave


def changing(change: Callable[[Answer], Answer]) -> Misbehaviour:
    """The honest answer, but for one thing."""

    def misbehave(provider: FaultySite, path: str) -> None:
        provider.answers[path] = lambda parameters: change(provider.honest_answer(path, parameters))

    return misbehave


def text(body: bytes, content_type: str = "application/json", status: int = 200) -> Misbehaviour:
    return answering((status, {"Content-Type": content_type}, body))


def _twenty_megabytes(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, headers, body + b" " * 20_000_000


def _gzip_bomb(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, headers | {"Content-Encoding": "gzip"}, gzip.compress(body + b" " * 5_000_000)


def _nested_gzip_bomb(answer: Answer) -> Answer:
    status, headers, body = _gzip_bomb(answer)
    return status, headers | {"Content-Encoding": "gzip, gzip"}, gzip.compress(body)


def _longer_than_announced(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, headers | {"Content-Length": str(len(body) + 1000)}, body


def elsewhere(provider: FaultySite, path: str) -> None:
    """Redirects to a place that would answer as it should."""
    provider.answers[path] = lambda _: (307, {"Location": f"{provider.issuer}/elsewhere"}, b"")
    provider.answers["/elsewhere"] = lambda parameters: provider.honest_answer(path, parameters)


def no_http(provider: FaultySite, path: str) -> None:
    provider.answers[path] = lambda _: iter([b"SSH-2.0-OpenSSH_9.6\r\n"])


def hanging_up(provider: FaultySite, path: str) -> None:
    provider.answers[path] = lambda _: iter(())


FAILURES: dict[str, Misbehaviour] = {
    "500": answering(json_answer({}, 500)),
    "503-html": text(b"<html>Maintenance</html>", "text/html", 503),
    "404": answering(json_answer({}, 404)),
    "429": answering(json_answer({"error": "slow_down"}, 429)),
    "204": answering((204, {}, b"")),
    "html": text(b"<html>Welcome to the hotel's network</html>", "text/html"),
    "empty": text(b""),
    "invalid-json": text(b'{"issuer": '),
    "list": answering(json_answer([{"issuer": "x"}])),
    "number": answering(json_answer(42)),
    "null": answering(json_answer(None)),
    "endless-number": text(b'{"expires_in": ' + b"9" * 5000 + b"}"),
    "nested-deeply": text(b"[" * 200_000),
    "nested-deeply-in-a-field": text(b'{"a": ' + b"[" * 200_000),
    "bad-utf-8": text(b'{"a": "\xff"}'),
    "unknown-charset": text(b"\xff\xfe", "application/json; charset=undefined"),
    "twenty-megabytes": changing(_twenty_megabytes),
    "gzip-bomb": changing(_gzip_bomb),
    "nested-gzip-bomb": changing(_nested_gzip_bomb),
    "no-gzip": answering((200, {"Content-Encoding": "gzip"}, b"{}")),
    "cut-off": changing(_longer_than_announced),
    "redirect": elsewhere,
    "redirect-loop": lambda provider, path: answering((302, {"Location": provider.issuer + path}, b""))(
        provider, path
    ),
    "redirect-nowhere": answering((302, {"Location": "http://["}, b"")),
    "redirect-bad-utf-8": answering((302, {"Location": "/\xff"}, b"")),
    "no-http": no_http,
    "hangs-up": hanging_up,
}
"""What every endpoint can do; always provider_unavailable."""


class Patience:
    """Misbehaviour that takes its time, until the test is over."""

    def __init__(self) -> None:
        self._is_over = threading.Event()

    def release(self) -> None:
        self._is_over.set()

    def hang(self, provider: FaultySite, path: str) -> None:
        """Takes the request and says nothing for half a minute."""

        def answer(_: object) -> Iterator[bytes]:
            self._is_over.wait(30)
            yield b""

        provider.answers[path] = answer

    def drip_body(self, provider: FaultySite, path: str) -> None:
        """One byte of the honest body a second."""

        def answer(parameters: dict[str, str]) -> Iterator[bytes]:
            _, _, body = provider.honest_answer(path, parameters)
            yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            yield b"Content-Length: %d\r\n\r\n" % len(body)
            yield from self._drip(bytes([byte]) for byte in body)

        provider.answers[path] = answer

    def drip_head(self, provider: FaultySite, path: str) -> None:
        """One byte of a header a second."""

        def answer(_: object) -> Iterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\nX-Slow: "
            yield from self._drip([b"a"] * 60)

        provider.answers[path] = answer

    def continue_and_continue(self, provider: FaultySite, path: str) -> None:
        """One interim answer after the other (RFC 9110, section 15.2)."""
        provider.answers[path] = lambda _: self._drip([b"HTTP/1.1 100 Continue\r\n\r\n"] * 60)

    def _drip(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """A piece a second, for a minute at most."""
        for piece in islice(pieces, 60):
            yield piece
            if self._is_over.wait(1):
                return
