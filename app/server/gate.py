"""Which requests take the short path: plain ones, about which no two HTTP parsers can disagree."""

import re
from collections.abc import Mapping
from typing import Any

from gunicorn.http.wsgi import base_environ

from app.server.connection import Address
from app.server.head import END

try:
    import gunicorn_h1c as h1c
except ImportError:
    h1c = None

MAX_SHORT_HEAD = 8192
MAX_SHORT_BODY_DIGITS = 5
PLAIN_HEAD = re.compile(
    rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/(?!/)[!\"$&-Z\\^-~]*|/) HTTP/1\.1\r\n"
    rb"(?:[0-9A-Za-z-]+:[\t -~]*\r\n){1,100}\r\n"
)
"""A path without escapes, fragment, brackets; headers in printable ASCII, without underscores and folds."""
OTHERS = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE"})
CONNECTIONS = frozenset({"keep-alive", "close"})
SAMPLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SAMPLE_ADDRESS = ("127.0.0.1", 80)


class Gate:
    """Makes the WSGI environ of plain requests with gunicorn_h1c, which checks less than gunicorn does.

    Args:
        cfg: gunicorn's settings.
    """

    def __init__(self, cfg: Any) -> None:  # noqa: ANN401  # gunicorn has no types
        hooks = ("pre_request", "post_request")
        has_hooks = any(cfg.settings[hook].get() is not cfg.settings[hook].default for hook in hooks)
        is_plain = not (cfg.secure_scheme_headers or cfg.casefold_http_method or has_hooks)
        is_plain = is_plain and cfg.http_parser != "python" and cfg.proxy_protocol == "off"
        self._is_open = is_plain and h1c is not None
        self._base: Mapping[str, object] = {
            **base_environ(cfg),
            "wsgi.multithread": True,
            "SCRIPT_NAME": "",
        }
        # All of the sample's but its Host and the number of bytes read.
        self._fixed = (
            len(h1c.parse_to_wsgi_environ(SAMPLE, SAMPLE_ADDRESS, SAMPLE_ADDRESS)) - 1 if self._is_open else 0
        )

    def environ(
        self,
        received: bytes,
        end: int,
        *,
        client: Address,
        server: Address,
    ) -> dict[str, Any] | None:
        """The environ of a request whose head ends there; None sends it the long way, by gunicorn."""
        if not self._is_open or end > MAX_SHORT_HEAD or isinstance(client, str) or isinstance(server, str):
            return None
        plain = PLAIN_HEAD.fullmatch(received, 0, end + len(END))
        if plain is None:
            return None
        try:
            environ: dict[str, Any] = h1c.parse_to_wsgi_environ(received, server[:2], client[:2])
        except h1c.ParseError:
            return None
        if not self._is_plain(environ, lines=received.count(b"\r\n", 0, end)):
            return None
        del environ["_consumed"]
        environ.update(self._base)
        environ["RAW_URI"] = plain[1].decode("ascii")
        return environ

    def _is_plain(self, environ: Mapping[str, str], *, lines: int) -> bool:
        """Whether no name is repeated (it is one key for several lines), and nothing special is asked for."""
        length = environ.get("CONTENT_LENGTH", "0")
        return (
            len(environ) == self._fixed + lines
            and "HTTP_HOST" in environ
            and environ.get("HTTP_CONNECTION", "close").lower() in CONNECTIONS
            and OTHERS.isdisjoint(environ)
            and length.isdecimal()
            and len(length) <= MAX_SHORT_BODY_DIGITS
        )
