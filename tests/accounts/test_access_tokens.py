"""Who gets an access token, for whom, and by which key. tests/other_services verifies them elsewhere."""

import hashlib
import json
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from app.accounts.signing_keys import signing_key
from tests.conftest import WEBAPP
from tests.support.service import PRODUCTION, ROOT, clean_environ
from tests.support.visitor import Visitor

API = "http://localhost:3000"
TOKEN = "/auth/token"


def claims_of(visitor: Visitor, token: str, *, audience: str = API) -> dict[str, Any]:
    """Of a token that the published keys verify."""
    keys = jwt.PyJWKSet.from_dict(visitor.get("/.well-known/jwks.json").json)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return dict(jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=API))


def test_a_sessions_token_names_the_session_and_the_frontend(visitor: Visitor) -> None:
    user_id = visitor.register()
    answer = visitor.post(TOKEN)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 300)
    claims = claims_of(visitor, answer.json["access_token"])
    [session] = visitor.get("/auth/sessions").json["sessions"]
    assert (claims["sub"], claims["sid"], claims["client_id"]) == (user_id, session["id"], WEBAPP)


def test_no_two_tokens_have_the_same_id(visitor: Visitor) -> None:
    visitor.register()
    tokens = [claims_of(visitor, visitor.post(TOKEN).json["access_token"])["jti"] for _ in range(3)]
    assert len(set(tokens)) == 3


def test_a_user_without_a_name_has_no_claim_of_one(visitor: Visitor) -> None:
    visitor.register()
    visitor.patch("/auth/user", json={"name": None})
    assert "name" not in claims_of(visitor, visitor.post(TOKEN).json["access_token"])


def test_an_api_token_asks_as_itself_also_beside_a_cookie(app: Any, visitor: Visitor) -> None:
    visitor.register()
    made = visitor.post("/auth/tokens", json={"name": "ci"}).json
    bearer = {"Authorization": f"Bearer {made['token']}"}
    for caller in (Visitor(app), visitor):
        claims = claims_of(visitor, caller.post(TOKEN, headers=bearer).json["access_token"])
        assert (claims["client_id"], claims.get("sid")) == (f"api-token:{made['id']}", None)


def test_strangers_get_none(app: Any, visitor: Visitor) -> None:
    assert (visitor.post(TOKEN).status_code, visitor.post(TOKEN).json["code"]) == (401, "not_signed_in")
    guess = visitor.post(TOKEN, headers={"Authorization": "Bearer cbt_guess"})
    assert (guess.status_code, guess.json["code"]) == (401, "invalid_token")
    visitor.sign_in()
    assert visitor.post(TOKEN).json["code"] == "not_registered"
    visitor.post("/auth/register")
    elsewhere = Visitor(app)
    elsewhere.cookies = visitor.cookies
    assert elsewhere.post(TOKEN).json["code"] == "cross_site_request"
    assert (
        elsewhere.post(TOKEN, headers={"Origin": "https://evil.example"}).json["code"] == "origin_not_allowed"
    )
    assert elsewhere.get(TOKEN).status_code == 405


def test_the_audience_is_one_of_those_listed_and_the_first_by_itself(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(TOKEN_AUDIENCES="reports, https://files.example.com,reports"), origin=WEBAPP)
    visitor.register()
    for body, audience in (
        ({}, "reports"),
        ({"audience": None}, "reports"),
        ({"audience": "https://files.example.com"}, "https://files.example.com"),
    ):
        token = visitor.post(TOKEN, json=body).json["access_token"]
        assert claims_of(visitor, token, audience=audience)["aud"] == audience
    for audience in (API, "Reports", "report", "reports,https://files.example.com"):
        refused = visitor.post(TOKEN, json={"audience": audience})
        assert (refused.status_code, refused.json["code"]) == (422, "audience_not_allowed")
    for faulty in ('{"audience": ["reports"]}', '{"audience": ""}', '{"scope": "all"}'):
        headers = {"Content-Type": "application/json"}
        refused = visitor.post(TOKEN, body=faulty, headers=headers)
        assert (refused.status_code, refused.json["code"]) == (422, "invalid_field")


def test_a_token_lives_as_long_as_it_is_told(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(TOKEN_LIFETIME="60"), origin=WEBAPP)
    visitor.register()
    answer = visitor.post(TOKEN).json
    claims = claims_of(visitor, answer["access_token"])
    assert (answer["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)


def test_the_metadata_lead_to_the_keys_which_may_be_cached(visitor: Visitor) -> None:
    metadata = visitor.get("/.well-known/oauth-authorization-server")
    assert metadata.json == {
        "issuer": API,
        "jwks_uri": f"{API}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": [],
    }
    keys = visitor.get("/.well-known/jwks.json")
    for answer in (metadata, keys):
        assert answer.headers["cache-control"] == "public, max-age=300"
    [key] = keys.json["keys"]
    members = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = hashlib.sha256(members.encode()).digest()
    assert key["kid"] == urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_while_the_secret_is_rotated_the_new_key_signs_and_both_are_published(
    make_app: Callable[..., Any],
) -> None:
    old, new = "old" * 12, "new" * 12
    [before] = Visitor(make_app(SESSION_SECRET=old)).get("/.well-known/jwks.json").json["keys"]
    rotating = Visitor(make_app(SESSION_SECRET=new, SESSION_SECRET_PREVIOUS=old), origin=WEBAPP)
    first, second = rotating.get("/.well-known/jwks.json").json["keys"]
    assert second == before
    rotating.register()
    token = rotating.post(TOKEN).json["access_token"]
    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "alg": "ES256", "kid": first["kid"]}


def test_a_new_secret_that_comes_as_the_previous_one_is_known_before_it_signs(
    make_app: Callable[..., Any],
) -> None:
    old, new = "old" * 12, "new" * 12
    announced, swapped = (
        Visitor(make_app(SESSION_SECRET=one, SESSION_SECRET_PREVIOUS=other), origin=WEBAPP)
        for one, other in ((old, new), (new, old))
    )
    before, after = (
        [key["kid"] for key in visitor.get("/.well-known/jwks.json").json["keys"]]
        for visitor in (announced, swapped)
    )
    assert before == after[::-1]
    # Whoever signs in at one replica is signed in at the other, whichever has been replaced.
    for here, there in ((announced, swapped), (swapped, announced)):
        here.sign_in()
        there.cookies = dict(here.cookies)
        assert there.is_signed_in


def test_the_key_of_a_secret_is_the_same_in_every_release() -> None:
    """Another key here would make every verifier refuse the tokens of replicas not yet replaced."""
    key = signing_key(PRODUCTION["SESSION_SECRET"], "https://api.example.com")
    assert (key.id, key.public["x"], key.public["y"]) == (
        "Xp4WRh5coeQt-x8libPz7Zv9sJtaavLkWs6fLT9adLc",
        "_gi-Uta4EyouOUnzvpoP3ZPoDRDTNUyvmoENiqSAamo",
        "urwT8w9neNgDWRrTWl_deYSlHMOFenL2YcO4B5FX0-I",
    )


def test_the_master_derives_the_key_once_for_all_its_workers(
    database_url: str,
) -> None:
    script = """
import app.server.gunicorn_conf
from app.accounts.signing_keys import signing_key
from app.wsgi import get_app
get_app().close()
print(signing_key.cache_info().misses)
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_environ({**PRODUCTION, "DATABASE_URL": database_url}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.splitlines()[-1] == "1"


@pytest.mark.parametrize("issuer", ["https://api.example.com", "https://api.example.org"])
def test_another_secret_or_issuer_is_another_key(issuer: str) -> None:
    keys = {signing_key(secret * 4, issuer).id for secret in ("12345678", "12345679")}
    keys.add(signing_key("12345678" * 4, "https://api.example.net").id)
    assert len(keys) == 3
