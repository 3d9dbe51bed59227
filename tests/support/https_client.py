"""HTTPS to host names that no DNS knows: every one of them is on one loopback port."""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from urllib.parse import urlsplit

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case; of a repeated one the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes


class HTTPSClient:
    """Sends what it is given and nothing else: no encoding of URLs, repeated headers as they are.

    Args:
        port: where the proxy listens on 127.0.0.1.
        context: whose certificates to believe.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context

    def request(self, method: str, url: str, headers: Headers = (), body: bytes | None = None) -> Answer:
        """The answer of the host that the URL names; a 101 has what the server says next for a body."""
        host = urlsplit(url).netloc
        target = url.partition(host)[2]
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "User-Agent: tests"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode()
        with (
            socket.create_connection(("127.0.0.1", self._port), 15) as plain,
            self._context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            connection.sendall(head + (body or b""))
            response = HTTPResponse(connection, method=method)
            response.begin()
            content = response.fp.read1() if response.status == 101 else response.read()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, content)

    def get(self, url: str, headers: Headers = ()) -> Answer:
        return self.request("GET", url, headers)
