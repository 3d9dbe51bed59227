"""What attackers get, by what they hold (docs/security.md)."""

import base64
import logging
import random
import re
import zlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from falcon.testing import Result

from app.accounts.credentials import is_api_token, is_token, new_token
from app.telemetry.logs import JSONFormatter
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
STRANGERS = ["https://evil.example", "https://blog.example.com", "http://app.example.com", "null"]
"""Another site, a sibling host, the frontend's host without TLS, a sandboxed frame."""
HTTPS = {"API_URL": "https://api.example.com", "WEBAPP_URL": "https://app.example.com"}
FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", None]
"""What a page may send elsewhere without asking by a preflight."""
WRITES = [
    ("POST", "/auth/logout"),
    ("POST", "/auth/register"),
    ("POST", "/auth/sessions/revoke-others"),
    ("DELETE", "/auth/sessions/{id}"),
    ("PATCH", "/auth/user"),
    ("DELETE", "/auth/user"),
    ("POST", "/auth/tokens"),
    ("DELETE", "/auth/tokens/{id}"),
]


def rows(connection: Connection) -> list[Any]:
    """All there is of people, their sessions and their API tokens."""
    queries = ("TABLE users", "TABLE sessions", "TABLE api_tokens")
    return [connection.execute(query).fetchall() for query in queries]


def walk(visitor: Visitor) -> list[Result]:
    """Every answer of a visit, from the sign-in to the end."""
    login = visitor.get("/auth/login")
    visitor.cookies.clear()
    return [
        login,
        visitor.sign_in(),
        visitor.post("/auth/register"),
        *(visitor.get(path) for path in ("/auth/session", "/auth/sessions", "/auth/user", "/nowhere")),
        visitor.get("/auth/verify?anyone=1"),
        visitor.patch("/auth/user", json={"name": "Ada"}),
        visitor.post("/auth/sessions/revoke-others"),
        visitor.sign_in(),
        visitor.post("/auth/logout"),
    ]


def test_what_the_database_holds_signs_nobody_in(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    hashes = [token_hash for (token_hash,) in connection.execute("SELECT token_hash FROM sessions")]
    texts = {base64.urlsafe_b64encode(token_hash).rstrip(b"=").decode() for token_hash in hashes}
    assert all(is_token(text) for text in texts)
    for text in texts | {token_hash.hex() for token_hash in hashes}:
        answer = visitor.get("/auth/session", headers={"Cookie": f"session={text}"})
        assert answer.json["authenticated"] is False


def test_nor_is_a_stored_api_token_one(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    token = visitor.post("/auth/tokens", json={"name": "ci"}).json["token"]
    ((token_hash,),) = connection.execute("SELECT token_hash FROM api_tokens").fetchall()
    body = "cbt_" + token_hash.hex()
    stored = f"{body}{zlib.crc32(body.encode()):08x}"
    assert is_api_token(stored)
    for text, status in ((stored, 401), (token, 200)):
        answer = visitor.get("/auth/user", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == status


def test_no_seed_repeats_a_token() -> None:
    random.seed(1)
    first = new_token()
    random.seed(1)
    assert new_token() != first


def test_a_stolen_cookie_dies_with_its_session_and_an_api_token_it_made_does_not(
    app: Any, visitor: Visitor
) -> None:
    visitor.register()
    thief = Visitor(app, origin=WEBAPP)
    thief.cookies = dict(visitor.cookies)
    elsewhere = {"User-Agent": "a thief's", "X-Forwarded-For": "203.0.113.9"}
    assert thief.get("/auth/user", headers=elsewhere).status_code == 200
    made = thief.post("/auth/tokens", json={"name": "a thief's"}, headers=elsewhere).json
    again = Visitor(app, origin=WEBAPP)
    again.sign_in()
    again.post("/auth/sessions/revoke-others")
    assert thief.get("/auth/user", headers=elsewhere).status_code == 401

    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert thief.get("/auth/user", headers=bearer).status_code == 200
    assert again.delete(f"/auth/tokens/{made['id']}").status_code == 204
    assert thief.get("/auth/user", headers=bearer).status_code == 401


def test_a_session_token_leaves_the_service_in_set_cookie_alone(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = walk(visitor)
    tokens = {answer.cookies["session"].value for answer in answers if "session" in answer.cookies} - {""}
    assert len(tokens) == 3
    said = "".join(answer.text + str({**answer.headers, "set-cookie": ""}) for answer in answers)
    said += "".join(JSONFormatter().format(record) for record in caplog.records)
    assert not [token for token in tokens if token in said]


def test_the_providers_tokens_reach_no_browser(visitor: Visitor, provider: OpenIDProvider) -> None:
    issued: list[str] = []

    def remembered(claims: dict[str, Any]) -> str:
        issued.append(provider.signed(claims))
        return issued[-1]

    provider.make_id_token = remembered
    answers = walk(visitor)
    said = "".join(f"{answer.text}{answer.headers}{answer.cookies}" for answer in answers)
    assert len(issued) == 2
    assert not [secret for secret in ["an-access-token", *issued] if secret in said]


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("content_type", FORMS)
def test_no_other_page_changes_anything(
    make_app: Callable[..., Any], connection: Connection, origin: str, content_type: str | None
) -> None:
    visitor = Visitor(make_app(**HTTPS), origin=HTTPS["WEBAPP_URL"])
    visitor.register()
    own = visitor.get("/auth/sessions").json["sessions"][0]["id"]
    before = rows(connection)
    for method, path in WRITES:
        refused = visitor.request(
            method,
            path.format(id=own),
            headers={"Origin": origin, "Sec-Fetch-Site": "same-site"},
            body='{"name": "Eve"}',
            content_type=content_type,
        )
        assert (refused.status_code, refused.json["code"]) == (403, "origin_not_allowed")
    assert rows(connection) == before


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_page_reads_anything(make_app: Callable[..., Any], origin: str) -> None:
    visitor = Visitor(make_app(**HTTPS), origin=HTTPS["WEBAPP_URL"])
    visitor.register()
    for path in ("/auth/session", "/auth/sessions", "/auth/user", "/auth/tokens"):
        refused = visitor.get(path, headers={"Origin": origin})
        assert (refused.status_code, refused.json["code"]) == (403, "origin_not_allowed")
        assert "access-control-allow-origin" not in refused.headers
        # As a picture, a script or a frame there is no Origin; the browser is told to keep it from the page.
        embedded = visitor.get(path)
        assert embedded.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in embedded.headers["content-security-policy"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_methods_for_reading_change_nothing(visitor: Visitor, connection: Connection, method: str) -> None:
    visitor.register()
    own = visitor.get("/auth/sessions").json["sessions"][0]["id"]
    before = rows(connection)
    for _, path in [*WRITES, ("", "/auth/session"), ("", "/auth/sessions"), ("", "/auth/login")]:
        visitor.request(method, path.format(id=own))
    assert rows(connection) == before


@pytest.mark.parametrize(
    "path", ["/", "/auth/session", "/auth/user", "/nowhere", "/auth/login?return_to=//evil"]
)
def test_a_browser_that_asks_for_a_page_gets_json_it_may_not_guess_about(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path, headers={"Accept": "text/html", "Sec-Fetch-Dest": "document"})
    assert re.fullmatch(r"application/(problem\+)?json", answer.headers["content-type"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_https_is_promised_for_a_year_or_more_and_below_the_host_too(make_app: Callable[..., Any]) -> None:
    hardened = {**HTTPS, "APP_ENV": "production", "SESSION_SECRET": "s" * 32,
                "OIDC_ISSUER": "https://issuer.example.com"}  # fmt: skip
    visitor = Visitor(make_app(**hardened))
    for path in ("/", "/auth/session", "/auth/callback", "/nowhere"):
        policy = visitor.get(path).headers["strict-transport-security"]
        match = re.fullmatch(r"max-age=(\d+); includeSubDomains", policy)
        assert match
        assert int(match[1]) >= 365 * 86400
