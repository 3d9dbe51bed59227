"""A provider ends sessions (OpenID Connect Back-Channel Logout 1.0)."""

import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from falcon.testing import Result

from tests.conftest import WEBAPP
from tests.identity import tokens
from tests.identity.conftest import Connection
from tests.support.provider import CLIENT_ID, OpenIDProvider
from tests.support.visitor import Visitor

EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str]) -> Any:
    return make_app(**two)


def logout_token(provider: OpenIDProvider, *, typ: str | None = "logout+jwt", **changes: Any) -> str:
    """An honest one about the provider's person, but for the changes; None takes a claim out."""
    now = int(time.time())
    claims = {
        "iss": provider.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8),
        "sub": provider.person["sub"], "events": {EVENT: {}}, **changes,
    }  # fmt: skip
    key: Any = provider.keys["first"]
    kept = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": "first"} | ({"typ": typ} if typ else {"typ": None})
    return jwt.encode(kept, key, "RS256", headers=headers)


def send(app: Any, token: str, name: str = "oidc") -> Result:
    return Visitor(app).post(
        f"/auth/backchannel-logout/{name}", body=f"logout_token={token}", headers={"Content-Type": FORM}
    )


def signed_in(app: Any, name: str = "oidc") -> Visitor:
    visitor = Visitor(app, origin=WEBAPP)
    visitor.sign_in(provider=name)
    visitor.post("/auth/register")
    assert visitor.is_signed_in
    return visitor


def test_a_subject_is_signed_out_everywhere(
    app: Any, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = signed_in(app), signed_in(app)
    answer = send(app, logout_token(provider))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not first.is_signed_in
    assert not second.is_signed_in
    [event] = [record for record in caplog.records if record.message == "Signed out by the provider"]
    assert (vars(event)["provider"], vars(event)["count"]) == ("oidc", 2)


def test_sessions_of_other_identities_go_on(
    app: Any, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    ada = signed_in(app)
    ada.get(ada.begin_link("other"))
    elsewhere = signed_in(app, "other")
    provider.person |= {"sub": "grace", "email": "grace@example.com"}
    grace = signed_in(app)
    assert send(app, logout_token(other), "other").status_code == 200
    assert not elsewhere.is_signed_in
    assert ada.is_signed_in
    assert grace.is_signed_in


def test_pending_people_are_signed_out_too(app: Any, provider: OpenIDProvider) -> None:
    visitor = Visitor(app, origin=WEBAPP)
    visitor.sign_in(provider="oidc")
    assert send(app, logout_token(provider)).status_code == 200
    assert not visitor.is_signed_in


def test_a_session_of_the_release_before_is_signed_out(
    app: Any, provider: OpenIDProvider, connection: Connection
) -> None:
    visitor = signed_in(app)
    connection.execute("UPDATE sessions SET identity_id = NULL, provider = NULL")
    assert send(app, logout_token(provider)).status_code == 200
    assert not visitor.is_signed_in


@pytest.mark.parametrize("is_registered", [True, False])
def test_a_session_at_the_provider_ends_ours_and_no_other(
    app: Any,
    provider: OpenIDProvider,
    is_registered: bool,  # noqa: FBT001
) -> None:
    people = []
    for sid in ("first", "second"):
        provider.person["sid"] = sid
        visitor = Visitor(app, origin=WEBAPP)
        visitor.sign_in(provider="oidc")
        if is_registered:
            visitor.post("/auth/register")
        people.append(visitor)
    assert send(app, logout_token(provider, sid="first")).status_code == 200
    assert [visitor.is_signed_in for visitor in people] == [False, True]
    assert send(app, logout_token(provider, sub=None, sid="second")).status_code == 200
    assert not people[1].is_signed_in


def test_a_session_of_the_same_name_at_another_provider_goes_on(
    app: Any, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    provider.person["sid"] = other.person["sid"] = "same"
    ours, theirs = signed_in(app, "oidc"), signed_in(app, "other")
    assert send(app, logout_token(other, sid="same"), "other").status_code == 200
    assert ours.is_signed_in
    assert not theirs.is_signed_in


def test_a_linked_session_still_has_the_session_it_began_with(app: Any, provider: OpenIDProvider) -> None:
    provider.person["sid"] = "first"
    ada = signed_in(app)
    ada.get(ada.begin_link("other"))
    assert send(app, logout_token(provider, sid="first")).status_code == 200
    assert not ada.is_signed_in


WRONG: dict[str, dict[str, Any]] = {
    "no-events": {"events": None},
    "events-list": {"events": [EVENT]},
    "another-event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event-true": {"events": {EVENT: True}},
    "nonce": {"nonce": "n"},
    "nonce-empty": {"nonce": ""},
    "another-audience": {"aud": "another"},
    "no-audience": {"aud": None},
    "another-issuer": {"iss": "https://evil.example"},
    "no-issuer": {"iss": None},
    "old": {"iat": int(time.time()) - 121},
    "of-the-future": {"iat": int(time.time()) + 86_400},
    "no-iat": {"iat": None},
    "iat-text": {"iat": "now"},
    "iat-true": {"iat": True},
    "expired": {"exp": int(time.time()) - 60},
    "no-jti": {"jti": None},
    "jti-number": {"jti": 5},
    "jti-empty": {"jti": ""},
    "nobody": {"sub": None},
    "sub-number": {"sub": 5},
    "sub-empty": {"sub": ""},
    "sid-number": {"sid": 5},
    "sid-empty": {"sid": ""},
    "sid-overlong": {"sid": "s" * 256},
    "id-token": {"typ": "JWT"},
    "access-token": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_wrong_token_ends_nothing(
    app: Any, provider: OpenIDProvider, connection: Connection, changes: dict[str, Any]
) -> None:
    visitor = signed_in(app)
    answer = send(app, logout_token(provider, **changes))
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_logout_token")
    assert answer.headers["cache-control"] == "no-store"
    assert visitor.is_signed_in
    assert connection.execute("SELECT count(*) FROM logout_tokens").fetchone() == (0,)


@pytest.mark.parametrize("typ", [None, "logout+jwt", "Logout+JWT", "application/logout+jwt"])
def test_the_type_may_be_missing(app: Any, provider: OpenIDProvider, typ: str | None) -> None:
    assert send(app, logout_token(provider, typ=typ)).status_code == 200


@pytest.mark.parametrize("seconds", [-110, 110])
def test_clocks_may_differ_by_two_minutes(app: Any, provider: OpenIDProvider, seconds: int) -> None:
    moved = int(time.time()) + seconds
    assert send(app, logout_token(provider, iat=moved, exp=None)).status_code == 200


def test_an_id_token_ends_nothing(app: Any, provider: OpenIDProvider) -> None:
    issued: list[str] = []

    def remembered(claims: dict[str, Any]) -> str:
        issued.append(provider.signed(claims))
        return issued[-1]

    provider.make_id_token = remembered
    visitor = signed_in(app)
    assert send(app, issued[0]).status_code == 400
    assert visitor.is_signed_in


def test_a_forged_token_ends_nothing(app: Any, provider: OpenIDProvider, other: OpenIDProvider) -> None:
    visitor = signed_in(app)
    claims = jwt.decode(logout_token(provider), options={"verify_signature": False})
    for token in (
        tokens.forged(provider, claims),
        tokens.unsigned("none")(provider, claims),
        tokens.hmac_with_public_pem(provider, claims),
        other.signed(claims),
    ):
        assert send(app, str(token)).status_code == 400
    # Another provider's, at its own place and at this one.
    assert send(app, logout_token(other), "oidc").status_code == 400
    assert send(app, logout_token(provider), "other").status_code == 400
    assert visitor.is_signed_in


def test_a_token_works_once(app: Any, provider: OpenIDProvider, connection: Connection) -> None:
    token = logout_token(provider)
    assert send(app, token).status_code == 200
    visitor = signed_in(app)
    answer = send(app, token)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_logout_token")
    assert visitor.is_signed_in
    assert send(app, logout_token(provider)).status_code == 200
    assert [visitor.is_signed_in] == [False]
    assert connection.execute("SELECT count(*) FROM logout_tokens").fetchone() == (2,)


def test_tokens_are_forgotten_once_they_have_expired(
    app: Any, provider: OpenIDProvider, connection: Connection
) -> None:
    for lifetime, seconds in ((60, 120), (300, 330), (86400, 600)):
        connection.execute("UPDATE logout_tokens SET expires_at = now() - interval '1 second'")
        now = int(time.time())
        assert send(app, logout_token(provider, exp=now + lifetime)).status_code == 200
        row = connection.execute(
            "SELECT extract(epoch FROM expires_at - now())::int, count(*) OVER () FROM logout_tokens"
        ).fetchone()
        assert row
        assert abs(row[0] - seconds) <= 3
        assert row[1] == 1


@pytest.mark.parametrize(
    "body", ["", "logout_token=", "other=1", "logout_token=a.b.c&logout_token=a.b.c", "%ff=%zz"]
)
def test_a_form_without_a_token_is_refused(app: Any, body: str) -> None:
    answer = Visitor(app).post("/auth/backchannel-logout/oidc", body=body, headers={"Content-Type": FORM})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_logout_token")


def test_it_must_be_a_form_for_a_provider_of_ours(app: Any, provider: OpenIDProvider) -> None:
    token = logout_token(provider)
    answer = Visitor(app).post("/auth/backchannel-logout/oidc", json={"logout_token": token})
    assert answer.status_code == 415
    answer = send(app, token, "third")
    assert (answer.status_code, answer.json["code"]) == (404, "provider_not_found")
    too_long = Visitor(app).post(
        "/auth/backchannel-logout/oidc", body="a" * 70_000, headers={"Content-Type": FORM}
    )
    assert too_long.status_code == 413


def test_valid_tokens_spend_no_limit_and_others_do(
    make_app: Callable[..., Any], two: dict[str, str], provider: OpenIDProvider
) -> None:
    app = make_app(**two, RATE_LIMIT="3/hour")
    for _ in range(5):
        assert send(app, logout_token(provider)).status_code == 200
    assert [send(app, "a.b.c").status_code for _ in range(4)] == [400, 400, 400, 429]
    assert send(app, logout_token(provider)).status_code == 429


def test_a_bad_logout_token_takes_no_refetch_from_sign_ins(app: Any, provider: OpenIDProvider) -> None:
    signed_in(app)
    claims = jwt.decode(logout_token(provider), options={"verify_signature": False})
    for _ in range(3):
        send(app, tokens.forged(provider, claims))
    assert provider.visits.count("/jwks") == 2
    provider.make_id_token = partial(tokens.forged, provider)
    Visitor(app).sign_in(provider="oidc")
    assert provider.visits.count("/jwks") == 3
