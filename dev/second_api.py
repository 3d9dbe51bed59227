"""A second small API, which knows who calls by a token alone: `python -m dev.second_api --port 3001`.

docs/other-services.md says what is verified, and why.
"""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import jwt
from werkzeug.serving import make_server

REQUIRED = ["iss", "sub", "aud", "iat", "exp"]
SHOWN = ("sub", "email", "name", "groups", "exp")


class SecondAPI:
    """Answers every request with who made it, and with 401 where the token does not tell.

    Args:
        issuer: API_URL of the service whose tokens count.
        keys: where its keys are; a browser may know the issuer's host, and this machine not.
        audience: whom a token has to be for, among TOKEN_AUDIENCES.
        frontend: the origin whose pages may call.
    """

    def __init__(self, *, issuer: str, keys: str, audience: str, frontend: str) -> None:
        self._issuer, self._audience, self._frontend = issuer, audience, frontend
        self._keys = jwt.PyJWKClient(keys, timeout=5)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Before a page of another origin sends a token, the browser asks whether it may.
        is_preflight = environ["REQUEST_METHOD"] == "OPTIONS"
        status, answer = ("200 OK", {}) if is_preflight else self._answer(environ)
        headers = [
            ("Content-Type", "application/json"),
            ("Access-Control-Allow-Origin", self._frontend),
            ("Access-Control-Allow-Headers", "Authorization"),
        ]
        if status.startswith("401"):
            headers.append(("WWW-Authenticate", "Bearer"))
        start_response(status, headers)
        return [json.dumps(answer).encode()]

    def _answer(self, environ: WSGIEnvironment) -> tuple[str, dict[str, object]]:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return "401 Unauthorized", {"error": "Send a token of POST /auth/token as a bearer token."}
        try:
            claims = self._claims(token)
        except jwt.PyJWKClientConnectionError as error:
            return "503 Service Unavailable", {"error": str(error)}
        except jwt.PyJWTError as error:
            return "401 Unauthorized", {"error": str(error)}
        return "200 OK", {name: claims.get(name) for name in SHOWN}

    def _claims(self, token: str) -> dict[str, object]:
        verified = jwt.decode_complete(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=["ES256"],
            issuer=self._issuer,
            audience=self._audience,
            options={"require": REQUIRED},
        )
        if verified["header"].get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return dict(verified["payload"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.second_api", description="Answers who is calling.")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--issuer", default="http://localhost:3000", help="API_URL of the service")
    parser.add_argument("--keys", default="http://localhost:3000/.well-known/jwks.json")
    parser.add_argument("--audience", default="http://localhost:3001", help="whom a token has to be for")
    parser.add_argument("--frontend", default="http://localhost:5173", help="the origin whose pages may call")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    api = SecondAPI(
        issuer=options.issuer, keys=options.keys, audience=options.audience, frontend=options.frontend
    )
    make_server("127.0.0.1", options.port, api, threaded=True).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
