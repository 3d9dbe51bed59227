"""Makes Falcon answer unknown methods as it answers known but wrong ones."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from falcon.constants import COMBINED_METHODS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FALCON_METHODS = frozenset(COMBINED_METHODS) - {"WEBSOCKET"}
"""The methods that Falcon routes. WEBSOCKET is its own word, not a method of HTTP."""


class MethodMiddleware:
    """Passes TRACE to Falcon in place of each method that it does not know. WSGI.

    Falcon answers unknown methods with 400, some of them before any middleware. No route answers TRACE, so
    the answer becomes a 405 with Allow, or a 404. The layers outside of this one see the original method.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method in FALCON_METHODS:
            return self._app(environ, start_response)
        environ["REQUEST_METHOD"] = "TRACE"
        try:
            return self._app(environ, start_response)
        finally:
            environ["REQUEST_METHOD"] = method
