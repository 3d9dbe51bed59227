"""Flask with flask-talisman, flask-cors, flask-limiter and psycopg, each as its documentation shows."""

import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_talisman import Talisman
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from werkzeug.middleware.proxy_fix import ProxyFix

from bench.peers import contract

app = Flask(__name__)
# The proxy's headers say what the client's address is, and that the client used https.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # as Flask's pages do
CORS(
    app,
    origins=[contract.ORIGIN],
    supports_credentials=True,
    expose_headers=contract.EXPOSED_HEADERS,
)
Talisman(
    app,
    content_security_policy=contract.CSP,
    frame_options="DENY",
    referrer_policy="no-referrer",
    permissions_policy=contract.PERMISSIONS_POLICY,
    strict_transport_security_max_age=contract.HSTS_SECONDS,
)
limiter = Limiter(
    get_remote_address,
    app=app,
    default_limits=[contract.RATE_LIMIT],
    storage_uri="memory://",
    headers_enabled=True,
)
pool = ConnectionPool(
    os.environ["DATABASE_URL"],
    kwargs={"autocommit": True},
    min_size=1,
    max_size=contract.POOL_SIZE,
    open=True,
)


@app.after_request
def isolate(response: Response) -> Response:
    """Adds the headers that Talisman has no setting for."""
    response.headers.update(contract.ISOLATION_HEADERS)
    return response


def find_session() -> dict[str, Any] | None:
    token = request.cookies.get(contract.COOKIE)
    if token is None:
        return None
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(contract.SQL, contract.session_parameters(token)).fetchone()


@app.get("/health")
@limiter.exempt
def health() -> Response:
    return jsonify(status="ok", timestamp=contract.rfc3339(datetime.now(UTC)))


@app.get("/auth/session")
def session() -> Response:
    row = find_session()
    if row is None:
        return jsonify(authenticated=False, registered=False, user=None, expires_at=None)
    return jsonify(
        authenticated=True,
        registered=row["user_id"] is not None,
        user={
            "id": str(row["user_id"]),
            "email": row["email"],
            "name": row["name"],
            "picture": row["picture"],
        },
        expires_at=contract.rfc3339(row["expires_at"]),
    )


@app.get("/auth/verify")
def verify() -> Response:
    row = find_session()
    if row is None:
        abort(401)
    return Response(headers=contract.identity_headers(row))
