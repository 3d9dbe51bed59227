"""Gives unknown methods the refusal of known but wrong ones."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from falcon.constants import COMBINED_METHODS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KNOWN_METHODS = frozenset(COMBINED_METHODS) - {"WEBSOCKET"}
"""Falcon's own, without the word it uses for itself."""


class MethodMiddleware:
    """Lets TRACE stand for every method that Falcon does not know; WSGI, not Falcon's.

    No route answers TRACE: what Falcon would call a bad request, some of it before any middleware, becomes
    a 405 with Allow, or the path's 404. Those outside see the method as it was.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method in KNOWN_METHODS:
            return self._app(environ, start_response)
        environ["REQUEST_METHOD"] = "TRACE"
        try:
            return self._app(environ, start_response)
        finally:
            environ["REQUEST_METHOD"] = method
