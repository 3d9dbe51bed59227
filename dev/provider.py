"""The development sign-in provider: `python -m dev.provider --port 9400`.

oidc-provider-mock lets everybody in as anybody, without a password. That is the point while developing,
and the reason why this runs under APP_ENV=development and test only. Added here: complete claims, pages
without a third-party origin, and a refusal that carries the state back.
"""

import argparse
import logging
import os
import re
import secrets
import signal
import sys
import warnings
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlsplit

import flask
from flask.typing import ResponseReturnValue
from jinja2 import ChoiceLoader, PackageLoader
from werkzeug.serving import make_server

with warnings.catch_warnings(record=True):
    # Importing it announces on the terminal what a later release of its dependency will drop.
    import oidc_provider_mock

EX_CONFIG = 78  # of sysexits.h, as for every fault of the environment
PEOPLE = {"ada@example.com": "Ada Lovelace", "grace@example.com": "Grace Hopper"}
GROUPS = {"ada@example.com": ["analysts"], "grace@example.com": ["admirals", "analysts"]}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def claims_of(email: str, name: str | None = None) -> dict[str, object]:
    """Return what a provider says of somebody with a verified address, from which a missing name is made."""
    words = re.split(r"[._+-]+", email.partition("@")[0])
    derived = " ".join(word.capitalize() for word in words if word)
    groups = GROUPS.get(email, [])
    return {"email": email, "email_verified": True, "name": name or derived or email, "groups": groups}


class Directory:
    """Who has complete claims: the predefined people, and those whom PUT /users/{subject} described."""

    def __init__(self, subjects: set[str]) -> None:
        self._subjects = subjects

    def welcome(self) -> ResponseReturnValue | None:
        """Before a request: give somebody new claims, as the mock would leave it at an unverified address."""
        if flask.request.method == "PUT" and flask.request.path.startswith("/users/"):
            self._subjects.add(flask.request.path.removeprefix("/users/"))
        elif flask.request.method == "POST" and flask.request.path == "/oauth2/authorize":
            subject = flask.request.form.get("sub")
            if subject is not None and subject not in self._subjects:
                return self._describe(subject)
        return None

    def _describe(self, subject: str) -> ResponseReturnValue | None:
        if not re.fullmatch(r"[^\s@/]+@[^\s@/]+", subject):
            description = "Go back and type an e-mail address, such as alan.turing@example.com."
            page = flask.render_template("error.html", name="not an e-mail address", description=description)
            return page, HTTPStatus.BAD_REQUEST
        # The documented way to describe somebody; it passes through welcome(), which remembers the subject.
        path = f"/users/{quote(subject, safe='')}"
        flask.current_app.test_client().put(path, json=claims_of(subject))
        return None


def carry_state_back(response: flask.Response) -> flask.Response:
    """Add the state that the mock forgets when consent is denied (RFC 6749 section 4.1.2.1 requires it)."""
    state = flask.request.args.get("state")
    location = response.location
    if flask.request.path == "/oauth2/authorize" and state and location:
        query = urlsplit(location).query
        if "state" not in parse_qs(query):
            response.location = f"{location}{'&' if query else '?'}state={quote(state, safe='')}"
    return response


def forbid_third_parties(response: flask.Response) -> flask.Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def create_app(label: str) -> flask.Flask:
    """Return the provider as a WSGI application that knows two people and takes in whoever is typed in.

    Its pages name it by the label.
    """
    app = flask.Flask(__name__, template_folder="provider_templates", static_folder="frontend")
    app.jinja_loader = ChoiceLoader(
        [*filter(None, [app.jinja_loader]), PackageLoader("oidc_provider_mock")],
    )
    app.context_processor(lambda: {"people": PEOPLE, "label": label})
    app.secret_key = secrets.token_bytes(32)
    plain_wsgi_app = app.wsgi_app
    oidc_provider_mock.init_app(
        app,
        user_claims=[
            oidc_provider_mock.User(sub=email, claims=claims_of(email, name))
            for email, name in PEOPLE.items()
        ],
    )
    # init_app switches on an interactive debugger; a fault shall be a line in the log instead.
    app.debug = False
    app.wsgi_app = plain_wsgi_app  # type: ignore[method-assign]  # as Flask documents for wrapping it
    app.before_request(Directory(set(PEOPLE)).welcome)
    app.after_request(carry_state_back)
    app.after_request(forbid_third_parties)
    return app


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.provider", description="Lets everybody in.")
    parser.add_argument("--port", type=int, default=9400)
    parser.add_argument("--label", default="Development", help="what its pages call it")
    options = parser.parse_args()
    app_env = os.environ.get("APP_ENV")
    if app_env not in {"development", "test"}:
        print(
            "The development provider lets everybody in as anybody: it runs only with APP_ENV=development or "
            f"APP_ENV=test, and APP_ENV is {app_env or 'not set'}.",
            file=sys.stderr,
        )
        return EX_CONFIG
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # read by authlib: plain http is all there is on loopback
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    # A port that is taken ends here: werkzeug says so and exits with 1.
    server = make_server("127.0.0.1", options.port, create_app(options.label), threaded=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
