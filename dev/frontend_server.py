"""Serves the sample frontend: `python -m dev.frontend_server --port 5173`; `--help` has the rest.

Files are read afresh for each request, so an edit shows on reload.
"""

import argparse
import json
import signal
import sys
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from socket import socket
from socketserver import BaseServer
from urllib.parse import unquote, urlsplit

FOLDER = Path(__file__).parent / "frontend"
CLIENT = Path(__file__).parent.parent / "client" / "src"
"""The page imports it as /client/index.js; a frontend with a bundler installs the package."""

# The host's table of types is not asked: browsers refuse a script module of another type.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class FrontendHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD from one folder; a path without an extension is a page of index.html.

    The script looks at location.pathname, so each page has an address to reload and to bookmark.
    """

    def __init__(
        self,
        request: socket,
        client_address: tuple[str, int],
        server: BaseServer,
        *,
        api_url: str,
        second_api_url: str,
        webapp_url: str,
    ) -> None:
        self._api_url = api_url
        self._second_api_url = second_api_url
        self._webapp_url = webapp_url
        # The base class answers the request before its constructor returns.
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if not PurePosixPath(path).suffix:
            path = "/index.html"
        content = self._content(path)
        if content is None:
            # The page itself says that it knows no such address, and leads back.
            self._answer(HTTPStatus.NOT_FOUND, CONTENT_TYPES[".html"], (FOLDER / "index.html").read_bytes())
        else:
            self._answer(HTTPStatus.OK, CONTENT_TYPES[PurePosixPath(path).suffix], content)

    do_HEAD = do_GET  # noqa: N815 (the base class looks for this name)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the service's own log is what somebody wants to read."""

    def _content(self, path: str) -> bytes | None:
        if path == "/config.json":
            config = {
                "apiUrl": self._api_url,
                "secondApiUrl": self._second_api_url,
                "webappUrl": self._webapp_url,
            }
            return json.dumps(config).encode()
        # Looked up among the files there are, not opened by name: no path leads out of the folder.
        files = {f"/{file.relative_to(FOLDER).as_posix()}": file for file in FOLDER.rglob("*")}
        files |= {f"/client/{file.name}": file for file in CLIENT.glob("*.js")}
        file = files.get(path)
        return file.read_bytes() if file and file.suffix in CONTENT_TYPES else None

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'self'; connect-src 'self' {self._api_url} {self._second_api_url}; "
            "img-src 'self' https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.frontend_server", description="Serves dev/frontend.")
    parser.add_argument("--port", type=int, default=5173)
    parser.add_argument("--api-url", default="http://localhost:3000", help="where the service answers")
    parser.add_argument("--second-api-url", default="http://localhost:3001", help="where dev.second_api does")
    parser.add_argument(
        "--webapp-url", default="http://localhost:5173", help="whose pages the service takes calls from"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    handler = partial(
        FrontendHandler,
        api_url=options.api_url.rstrip("/"),
        second_api_url=options.second_api_url,
        webapp_url=options.webapp_url,
    )
    try:
        server = ThreadingHTTPServer(("127.0.0.1", options.port), handler)
    except OSError as error:
        print(f"The sample frontend cannot use port {options.port}: {error.strerror}.", file=sys.stderr)
        return 1
    with server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
