"""The application behind the proxy: it has no sign-in, and shows what the proxy says of who is calling."""

import argparse
import logging
import signal
import sys
from http import HTTPStatus
from urllib.parse import unquote

import flask
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

IDENTITY_HEADERS = ("X-Auth-User-Id", "X-Auth-Email", "X-Auth-Name", "X-Auth-Groups")


def create_app(api_url: str) -> flask.Flask:
    """Return it as a WSGI application; people sign out at the service of that URL."""
    app = flask.Flask(__name__, template_folder=".", static_folder="../frontend")

    @app.get("/", defaults={"path": ""})
    @app.get("/<path:path>")
    def show(path: str) -> ResponseReturnValue:
        headers = {name: flask.request.headers.get(name, "") for name in IDENTITY_HEADERS}
        if not headers["X-Auth-User-Id"]:
            return "Only the proxy may ask, and it says who is calling.\n", HTTPStatus.FORBIDDEN
        name, email = unquote(headers["X-Auth-Name"]), unquote(headers["X-Auth-Email"])
        return flask.render_template(
            "page.html", caller=name or email, headers=headers, path=path, api_url=api_url
        )

    return app


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.forward_auth.application")
    parser.add_argument("--fd", type=int, required=True, help="the open socket on which it is asked")
    parser.add_argument("--api-url", required=True, help="where people sign out")
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    app = create_app(options.api_url)
    make_server("127.0.0.1", 0, app, threaded=True, fd=options.fd).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
