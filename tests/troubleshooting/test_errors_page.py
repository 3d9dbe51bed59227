"""Each code that docs/errors.md explains comes when it says."""

import json
import re
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import requests

from app.accounts.api_tokens import MAX_PER_USER
from app.web.json_body import MAX_BODY_BYTES
from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.pages import Page, rows
from tests.support.provider import client_at
from tests.support.service import Service

ENTRIES = {
    row[0].strip("`"): int(row[1]) for row in rows(Page("errors.md").text) if re.fullmatch(r"`\w+`", row[0])
}
NOBODY = {"Authorization": "Bearer cbt_nobody's"}
ELSEWHERE = {"Origin": "https://elsewhere.example"}
ID = uuid.UUID(int=0)


@dataclass
class Backend:
    """A service in production and its database."""

    url: str
    start: Callable[..., Service]

    def send(self, method: str, path: str, *, session: bool = False, **arguments: Any) -> Any:
        """The body of the answer; with a session, as somebody registered in a browser at the frontend."""
        headers = arguments.pop("headers", {}) | (insert_live_session(self.url) if session else {})
        return self.send_to(self.start(), method, path, headers=headers, **arguments)

    def newcomer(self) -> dict[str, str]:
        """The headers of somebody who has signed in and has no account yet."""
        return insert_live_session(self.url, pending=uuid.uuid4().hex)

    def send_to(self, service: Service, method: str, path: str, **arguments: Any) -> Any:
        address = f"{service.url}{path}"
        return requests.request(method, address, allow_redirects=False, timeout=10, **arguments).json()

    def write(self, request: bytes, *, port: int = 0) -> Any:
        """The body of the answer to whatever is sent."""
        with socket.create_connection(("127.0.0.1", port or self.start().port), timeout=10) as connection:
            connection.sendall(request + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def change(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


def make_tokens(backend: Backend) -> Any:
    """One more than a person may have."""
    owner = insert_live_session(backend.url)
    for number in range(MAX_PER_USER + 1):
        answer = backend.send("POST", "/auth/tokens", headers=owner, json={"name": f"script {number}"})
    return answer


def ask_twice(backend: Backend) -> Any:
    service = backend.start(RATE_LIMIT="1/minute")
    for _ in range(2):
        answer = backend.send_to(service, "GET", "/auth/session")
    return answer


def take_an_address(backend: Backend) -> Any:
    newcomer = backend.newcomer()
    backend.change(
        "INSERT INTO users (email) SELECT pending_identity ->> 'email' FROM sessions WHERE user_id IS NULL"
    )
    return backend.send("POST", "/auth/register", headers=newcomer)


def close_registration(backend: Backend) -> Any:
    service = backend.start(REGISTRATION="closed")
    return backend.send_to(service, "POST", "/auth/register", headers=backend.newcomer())


def break_the_schema(backend: Backend) -> Any:
    cookie = insert_live_session(backend.url)
    service = backend.start(WEB_CONCURRENCY="1")
    backend.change("ALTER TABLE sessions RENAME TO elsewhere")
    try:
        return backend.send_to(service, "GET", "/auth/session", headers=cookie)
    finally:
        backend.change("ALTER TABLE elsewhere RENAME TO sessions")


def take_the_database_away(backend: Backend) -> Any:
    service = backend.start(WEB_CONCURRENCY="1")
    cookie = insert_live_session(backend.url)
    name = psycopg.conninfo.conninfo_to_dict(backend.url)["dbname"]
    with psycopg.connect(backend.url.replace(str(name), "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        answer = backend.send_to(service, "GET", "/auth/session", headers=cookie)
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}".encode())
    return answer


def remove_an_identity(backend: Backend, *, minutes: int) -> Any:
    """Asks to remove the only one of somebody who signed in some minutes ago."""
    owner = insert_live_session(backend.url)
    backend.change(
        f"""
        WITH latest AS (SELECT id, user_id FROM sessions ORDER BY created_at DESC LIMIT 1), aged AS (
            UPDATE sessions SET created_at = now() - interval '{minutes} minutes' FROM latest
            WHERE sessions.id = latest.id
        )
        INSERT INTO identities (id, issuer, subject, user_id)
        SELECT user_id, 'https://issuer.example', user_id, user_id FROM latest
        """  # noqa: S608  # a number of our own
    )
    user = backend.send("GET", "/auth/user", headers=owner)["id"]
    return backend.send("DELETE", f"/auth/identities/{user}", headers=owner)


def link_while_the_provider_is_away(backend: Backend) -> Any:
    environ = client_at("https://127.0.0.1:9", "away")
    owner = insert_live_session(backend.url)
    return backend.send_to(
        backend.start(**environ), "POST", "/auth/identities", headers=owner, json={"provider": "away"}
    )


CAUSES: dict[str, Callable[[Backend], Any]] = {
    "unknown_provider": lambda backend: backend.send("GET", "/auth/login?provider=nobody"),
    "invalid_logout_token": lambda backend: backend.send_to(
        backend.start(**client_at("https://127.0.0.1:9", "github")),
        "POST",
        "/auth/backchannel-logout/github",
        data={"logout_token": "a.b.c"},
    ),
    "sign_in_again": lambda backend: remove_an_identity(backend, minutes=11),
    "last_identity": lambda backend: remove_an_identity(backend, minutes=1),
    "identity_not_found": lambda backend: backend.send("DELETE", f"/auth/identities/{ID}", session=True),
    "provider_not_found": lambda backend: backend.send(
        "POST", "/auth/identities", session=True, json={"provider": "nobody"}
    ),
    "provider_unavailable": link_while_the_provider_is_away,
    "invalid_return_to": lambda backend: backend.send(
        "GET", "/auth/login?return_to=https://elsewhere.example"
    ),
    "not_a_navigation": lambda backend: backend.send(
        "GET", "/auth/login", headers={"Sec-Fetch-Dest": "image"}
    ),
    "invalid_json": lambda backend: backend.send(
        "POST", "/auth/tokens", session=True, data="{", headers={"Content-Type": "application/json"}
    ),
    "bad_request": lambda backend: backend.write(b"nonsense"),
    "not_signed_in": lambda backend: backend.send("GET", "/auth/user"),
    "invalid_token": lambda backend: backend.send("GET", "/auth/user", headers=NOBODY),
    "not_registered": lambda backend: backend.send("GET", "/auth/user", headers=backend.newcomer()),
    "no_rule": lambda backend: backend.send("GET", "/auth/verify"),
    "not_in_group": lambda backend: backend.send("GET", "/auth/verify?groups=staff", session=True),
    "registration_closed": close_registration,
    "origin_not_allowed": lambda backend: backend.send("GET", "/auth/session", headers=ELSEWHERE),
    "cross_site_request": lambda backend: backend.send(
        "POST", "/auth/logout", headers={"Cookie": insert_live_session(backend.url)["Cookie"]}
    ),
    "bearer_not_allowed": lambda backend: backend.send("DELETE", "/auth/user", headers=NOBODY),
    "not_found": lambda backend: backend.send("GET", "/nowhere"),
    "session_not_found": lambda backend: backend.send("DELETE", f"/auth/sessions/{ID}", session=True),
    "token_not_found": lambda backend: backend.send("DELETE", f"/auth/tokens/{ID}", session=True),
    "method_not_allowed": lambda backend: backend.send("DELETE", "/health"),
    "already_registered": lambda backend: backend.send("POST", "/auth/register", session=True),
    "email_taken": take_an_address,
    "body_too_large": lambda backend: backend.send("POST", "/auth/logout", data=b"x" * (MAX_BODY_BYTES + 1)),
    "uri_too_long": lambda backend: backend.write(b"GET /?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a"),
    "unsupported_media_type": lambda backend: backend.send("POST", "/auth/tokens", session=True, data="{}"),
    "expectation_failed": lambda backend: backend.write(b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea"),
    "audience_not_allowed": lambda backend: backend.send(
        "POST", "/auth/token", session=True, json={"audience": "elsewhere"}
    ),
    "invalid_field": lambda backend: backend.send("POST", "/auth/tokens", session=True, json={"name": ""}),
    "too_many_tokens": make_tokens,
    "rate_limited": ask_twice,
    "headers_too_large": lambda backend: backend.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"x" * 33000
    ),
    "internal_error": break_the_schema,
    "database_unavailable": take_the_database_away,
}


@pytest.fixture(scope="module")
def backend(postgres: EmbeddedPostgres) -> Iterator[Backend]:
    """Without variables, `start` gives the same service again."""
    with fresh_database(postgres, template=TEMPLATE) as url:
        services: dict[str, Service] = {}

        def start(**environ: str) -> Service:
            key = str(environ)
            if key not in services:
                services[key] = Service(database_url=url, port=0, **environ)
            services[key].wait_until_serving()
            return services[key]

        yield Backend(url, start)
        for service in services.values():
            service.kill()


@pytest.mark.parametrize("code", ENTRIES)
def test_a_code_comes_when_the_page_says(code: str, backend: Backend) -> None:
    answer = CAUSES[code](backend)
    assert (answer["code"], answer["status"]) == (code, ENTRIES[code])


def test_the_page_has_all_that_are_brought_about_here() -> None:
    assert set(ENTRIES) == set(CAUSES)
