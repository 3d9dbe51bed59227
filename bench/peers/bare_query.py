"""A WSGI callable that finds the session with this service's SQL and says ok. It has no framework."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from psycopg_pool import ConnectionPool

from bench.peers.contract import COOKIE, POOL_SIZE, SQL, session_parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY = b'{"status":"ok"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
_STATEMENT = SQL.encode()
_pool = ConnectionPool(
    os.environ["DATABASE_URL"], kwargs={"autocommit": True}, min_size=1, max_size=POOL_SIZE, open=True
)


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    token = environ.get("HTTP_COOKIE", "").removeprefix(f"{COOKIE}=")
    if token:
        with _pool.connection() as connection:
            found = connection.execute(_STATEMENT, session_parameters(token)).fetchall()
        if len(found) != 1:
            raise ValueError("there is no such session")
    start_response("200 OK", HEADERS)
    return [BODY]
