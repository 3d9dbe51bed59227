"""A site on the internet, emulated: https under its own host names, honest unless a test tells it to lie."""

import base64
import hashlib
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import urllib3.util.connection

from tests.support.log_watch import WATCH
from tests.support.provider import Answer, AnsweringHandler, RawAnswer, flat
from tests.support.tls import CertificateAuthority

Parameters = dict[str, str]
"""Of the query or the form; the headers are beside them, under names such as `header:accept`."""


class Emulation:
    """Answers https requests to some host names as their owner's documentation says.

    A test changes what it says:

    Attributes:
        hosts: the names it has a certificate for; the first is where people sign in.
        issuer: where faults that need a URL of this site find one.
        answers: functions that answer in place of an endpoint, by path; `honest_answer` helps them.
        requests: (path, parameters) of every request.
    """

    hosts: tuple[str, ...] = ()

    def __init__(self, authority: CertificateAuthority) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = authority.server_context(*self.hosts).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.issuer = f"https://{self.hosts[0]}"
        self.answers: dict[str, Callable[[Parameters], Answer | RawAnswer]] = {}
        self.requests: list[tuple[str, Parameters]] = []
        self._codes: dict[str, Parameters] = {}

    @property
    def visits(self) -> list[str]:
        """The path of every request."""
        return [path for path, _ in self.requests]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serves, and is where this process finds its host names."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        connect = urllib3.util.connection.create_connection

        def reroute(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
            if address in [(host, 443) for host in self.hosts]:
                address = ("127.0.0.1", self._server.server_port)
            return connect(address, *arguments, **options)

        try:
            with patch("urllib3.util.connection.create_connection", reroute):
                yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str, parameters: Parameters) -> Answer | RawAnswer:
        self.requests.append((path, parameters))
        if path in self.answers:
            return self.answers[path](parameters)
        return self.honest_answer(path, parameters)

    def honest_answer(self, path: str, parameters: Parameters) -> Answer:
        raise NotImplementedError

    def code_for(self, parameters: Parameters, **more: str) -> Answer:
        """Sends the browser back with a code that knows what was asked."""
        code = secrets.token_urlsafe(16)
        WATCH.secret("code", code)
        self._codes[code] = parameters
        query = urlencode({"code": code, "state": parameters["state"], **more})
        return 302, {"Location": f"{parameters['redirect_uri']}?{query}"}, b""

    def asked_with(self, parameters: Parameters) -> Parameters | None:
        """What was asked where this code was given; None unless it is new and all that must fit does."""
        asked = self._codes.pop(parameters.get("code", ""), None)
        WATCH.secret("code_verifier", parameters.get("code_verifier", ""))
        digest = hashlib.sha256(parameters.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        fits = asked and (challenge, parameters.get("redirect_uri"), parameters.get("client_id")) == (
            asked.get("code_challenge"),
            asked["redirect_uri"],
            asked["client_id"],
        )
        return asked if fits else None


def json_with(value: object, status: int = 200, **headers: str) -> Answer:
    """JSON, with more headers; `_` stands for `-` in their names."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json; charset=utf-8", **named}, json.dumps(value).encode()


def _handler(site: Emulation) -> type[BaseHTTPRequestHandler]:
    class Handler(AnsweringHandler):
        def answer_to(self, path: str, encoded: str) -> Answer | RawAnswer:
            headers = {f"header:{name.lower()}": value for name, value in self.headers.items()}
            return site.answer(path, flat(encoded) | headers)

    return Handler
