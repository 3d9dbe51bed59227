"""A second small API, which knows who calls by a token alone: `python -m dev.second_api --port 3001`.

docs/other-services.md says what is verified, and why.
"""

import argparse
import logging
import signal
import sys

import falcon
import jwt
from werkzeug.serving import make_server

REQUIRED = ["iss", "sub", "aud", "iat", "exp"]


class CallerResource:
    """Answers with the claims of the token that comes with a request.

    Args:
        issuer: API_URL of the service whose tokens count.
        keys: where its keys are; a browser may know the issuer's host, and this machine not.
        audience: whom a token has to be for, among TOKEN_AUDIENCES.
    """

    def __init__(self, *, issuer: str, keys: str, audience: str) -> None:
        self._issuer, self._audience = issuer, audience
        self._keys = jwt.PyJWKClient(keys, timeout=5)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        scheme, _, token = (req.auth or "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise jwt.InvalidTokenError("send a token of POST /auth/token as a bearer token")
            resp.media = self._claims(token)
        except jwt.PyJWKClientConnectionError as error:
            raise falcon.HTTPServiceUnavailable(description=str(error)) from error
        except jwt.PyJWTError as error:
            raise falcon.HTTPUnauthorized(description=str(error), challenges=["Bearer"]) from error

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.second_api", description="Answers who is calling.")
    parser.add_argument("--port", type=int, default=3001)
    parser.add_argument("--issuer", default="http://localhost:3000", help="API_URL of the service")
    parser.add_argument("--keys", help="where the issuer's keys are (default: under the issuer)")
    parser.add_argument("--audience", default="http://localhost:3001", help="whom a token has to be for")
    parser.add_argument("--frontend", default="http://localhost:5173", help="the origin whose pages may call")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    # Before a page of another origin sends a token, the browser asks whether it may.
    app = falcon.App(middleware=falcon.CORSMiddleware(allow_origins=options.frontend))
    keys = options.keys or f"{options.issuer}/.well-known/jwks.json"
    app.add_route("/", CallerResource(issuer=options.issuer, keys=keys, audience=options.audience))
    make_server("127.0.0.1", options.port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
