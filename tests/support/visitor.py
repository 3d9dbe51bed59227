"""A browser as far as HTTP goes: keeps cookies, Secure or not, and follows nothing by itself."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from falcon.testing import Cookie, Result, simulate_request

from tests.support.described import description
from tests.support.log_watch import WATCH


class Visitor:
    """Calls a WSGI application in this process; an answer that /openapi.json does not promise fails the test.

    Attributes:
        origin: sent with unsafe requests, as browsers do for fetch.
        cookies: what the browser holds, by name.
        latest: each cookie as it was last set or cleared, with its attributes.
    """

    def __init__(self, app: Any, *, origin: str | None = None) -> None:
        self._app = app
        self.origin = origin
        self.cookies: dict[str, str] = {}
        self.latest: dict[str, Cookie] = {}

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> Result:
        sent = {"User-Agent": "tests"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.origin and method not in {"GET", "HEAD"}:
            sent["Origin"] = self.origin
        path, _, query = path.partition("?")
        sent |= headers or {}
        WATCH.cookies(sent.get("Cookie", ""))
        WATCH.secret("Authorization", sent.get("Authorization", "").partition(" ")[2])
        result = simulate_request(
            self._app,
            method,
            path,
            query_string=query or None,
            headers=sent,
            remote_addr="127.0.0.1",
            **arguments,
        )
        description().check(method, path, result.status_code, result.headers, result.content)
        self.latest |= result.cookies
        _watch_token(result)
        for name, cookie in result.cookies.items():
            WATCH.secret("cookie", cookie.value)
            if not cookie.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return result

    def get(self, path: str, **arguments: Any) -> Result:
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> Result:
        return self.request("POST", path, **arguments)

    def patch(self, path: str, **arguments: Any) -> Result:
        return self.request("PATCH", path, **arguments)

    def delete(self, path: str, **arguments: Any) -> Result:
        return self.request("DELETE", path, **arguments)

    def register(self, *, provider: str = "") -> str:
        """Signs in for the first time and registers; returns the new user's id."""
        self.sign_in(provider=provider)
        answer = self.post("/auth/register")
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def begin_link(self, provider: str, return_to: str = "/settings") -> str:
        """Asks to link an identity, and goes to the provider; returns the callback's path and query."""
        answer = self.post("/auth/identities", json={"provider": provider, "return_to": return_to})
        assert answer.status_code == 200, answer.text
        return authorize(answer.json["authorization_url"])

    @property
    def is_signed_in(self) -> bool:
        return bool(self.get("/auth/session").json["authenticated"])

    def sign_in(self, return_to: str = "", *, provider: str = "") -> Result:
        """From /auth/login through the provider to the answer of the callback."""
        return self.get(self.go_to_provider(return_to, provider=provider))

    def go_to_provider(self, return_to: str = "", *, provider: str = "") -> str:
        """From /auth/login through the provider; returns the callback's path and query."""
        query = [f"return_to={return_to}"] * bool(return_to) + [f"provider={provider}"] * bool(provider)
        login = self.get("/auth/login" + ("?" + "&".join(query) if query else ""))
        assert login.status_code == 302, login.text
        return authorize(login.headers["location"])


def authorize(url: str) -> str:
    """What the provider's consent page answers: the callback's path and query."""
    answer = requests.get(url, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    for name in ("code", "state"):
        WATCH.secret(name, parse_qs(parts.query).get(name, [""])[0])
    return f"{parts.path}?{parts.query}"


def _watch_token(result: Result) -> None:
    """Notes the bearer token in an answer that hands one out."""
    if result.status_code == HTTPStatus.CREATED and isinstance(result.json, dict):
        WATCH.secret("bearer token", result.json.get("token", ""))
