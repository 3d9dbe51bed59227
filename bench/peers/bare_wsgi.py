"""The smallest WSGI application that answers /health as this service does.

It is a module of its own, as its imports are part of what is measured.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def app(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    whole, milliseconds = divmod(int(time.time() * 1000), 1000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    body = b'{"status":"ok","timestamp":"%s.%03dZ"}' % (moment.encode(), milliseconds)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
