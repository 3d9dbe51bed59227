"""What a logout token must be (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.identity.logout.conftest import LogoutRefusal
from tests.identity.logout.messages import EVENT, Claims, claims_of, logout_token, post, signed
from tests.identity.tokens import encoded, headed, hmac_with_public_pem, unsigned, with_its_own_key
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

WRONG_CLAIMS: dict[str, tuple[Claims, str]] = {
    "event-missing": ({"events": None}, "events"),
    "event-another": ({"events": {"http://schemas.openid.net/event/another": {}}}, "events"),
    "events-list": ({"events": [EVENT]}, "events"),
    "event-text": ({"events": EVENT}, "events"),
    "event-no-object": ({"events": {EVENT: None}}, "events"),
    "nonce": ({"nonce": "any"}, "nonce"),
    "nonce-empty": ({"nonce": ""}, "nonce"),
    "issued-long-ago": ({"iat": timedelta(seconds=-200)}, "iat"),
    "issued-in-the-future": ({"iat": timedelta(seconds=2000)}, "iat"),
    "issue-time-missing": ({"iat": None}, "iat"),
    "issue-time-word": ({"iat": "now"}, "iat"),
    "issue-time-list": ({"iat": [1]}, "iat"),
    "issue-time-true": ({"iat": True}, "iat"),
    "issue-time-huge": ({"iat": 10**400}, "iat"),
    "issue-time-infinite": ({"iat": float("inf")}, "iat"),
    "issue-time-no-number": ({"iat": float("nan")}, "iat"),
    "expired": ({"exp": timedelta(seconds=-60)}, "xpired"),
    "expiry-word": ({"exp": "soon"}, "exp"),
    "expiry-infinite": ({"exp": float("inf")}, "exp"),
    "audience-another": ({"aud": "another-client"}, "udience"),
    "audience-missing": ({"aud": None}, "aud"),
    "issuer-another": ({"iss": "https://evil.example"}, "ssuer"),
    "issuer-missing": ({"iss": None}, "iss"),
    "identifier-missing": ({"jti": None}, "jti"),
    "identifier-number": ({"jti": 5}, "JWT ID"),
    "identifier-empty": ({"jti": ""}, "jti"),
    "identifier-overlong": ({"jti": "j" * 5000}, "jti"),
    "identifier-surrogate": ({"jti": "\ud800"}, "jti"),
    "neither-subject-nor-session": ({"sub": None}, "neither sub nor sid"),
    "subject-number": ({"sub": 42}, "ubject"),
    "subject-empty": ({"sub": ""}, "sub"),
    "subject-surrogate": ({"sub": "\ud800"}, "sub"),
    "session-number": ({"sub": None, "sid": 5}, "sid"),
    "session-list": ({"sub": None, "sid": ["a"]}, "sid"),
    "session-empty": ({"sub": None, "sid": ""}, "sid"),
    "session-overlong": ({"sub": None, "sid": "s" * 5000}, "sid"),
    "session-surrogate": ({"sub": None, "sid": "\ud800"}, "sid"),
}
STRANGE_CLAIMS: dict[str, Claims] = {
    "expiry-missing": {"exp": None},
    "expiry-huge": {"exp": 10**400},
    "expiry-in-a-year": {"exp": timedelta(seconds=31_536_000)},
    "issued-with-fractions": {"iat": timedelta(seconds=0.5)},
    "several-audiences": {"aud": ["test-client", "another-client"]},
    "more-events": {"events": {EVENT: {}, "http://schemas.openid.net/event/another": {}}},
    "event-with-fields": {"events": {EVENT: {"reason": "x"}}},
}
"""Allowed, or at least no reason to keep somebody signed in."""

Maker = Callable[[OpenIDProvider, Claims], object]
WRONG_TOKENS: dict[str, tuple[Maker, str]] = {
    "alg-none": (unsigned("none"), "alg"),
    "alg-missing": (headed({}), "alg"),
    "alg-list": (headed({"alg": ["RS256"]}), "alg"),
    "alg-object": (headed({"alg": {"RS256": 1}}), "alg"),
    "hmac-of-the-public-key": (hmac_with_public_pem, "alg"),
    "forged": (lambda _, claims: signed(rsa.generate_private_key(65537, 2048), claims), "Signature"),
    "with-its-own-key": (with_its_own_key, "Signature"),
    "claims-exchanged": (lambda provider, claims: exchanged(signed_by(provider, claims)), "Signature"),
    "no-signature": (lambda provider, claims: cut_off(signed_by(provider, claims)), "Signature"),
    "kid-unknown": (
        lambda provider, claims: signed_by(provider, claims, kid="unknown"),
        "find a signing key",
    ),
    "kid-list": (headed({"alg": "RS256", "kid": ["first"]}), "Key ID"),
    "of-no-type-of-ours": (lambda provider, claims: signed_by(provider, claims, typ="at+jwt"), "typ"),
    "of-any-type": (lambda provider, claims: signed_by(provider, claims, typ="JWT"), "typ"),
    "type-number": (lambda provider, claims: signed_by(provider, claims, typ=5), "typ"),
    "type-list": (lambda provider, claims: signed_by(provider, claims, typ=["logout+jwt"]), "typ"),
    "no-json": (lambda *_: "a.b.c", ""),
    "one-part": (lambda *_: "a", ""),
    "bytes": (lambda *_: "\xff\0", ""),
    "nested-deeply": (lambda *_: f"{encoded({'alg': 'RS256'})}.{encoded(b'[' * 40_000)}.{encoded(b's')}", ""),
    "head-nested-deeply": (lambda *_: f"{encoded(b'[' * 40_000)}.{encoded({})}.{encoded(b's')}", ""),
}


def signed_by(provider: OpenIDProvider, claims: Claims, **headers: object) -> str:
    return signed(provider.keys["first"], claims, **headers)


def exchanged(token: str) -> str:
    """The claims of somebody else under a signature that was for others."""
    header, payload, signature = token.split(".")
    return f"{header}.{payload[:-4]}{'A' * 4}.{signature}"


def cut_off(token: str) -> str:
    return token.rpartition(".")[0] + "."


def test_what_the_wrong_ones_are_made_of_ends_a_session(
    app: Any, ada: Visitor, provider: OpenIDProvider
) -> None:
    """Without this the tests below could pass for a wrong reason."""
    assert post(app, signed_by(provider, claims_of(provider))).status_code == 200
    assert not ada.is_signed_in


@pytest.mark.parametrize(("changes", "cause"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_with_wrong_claims_ends_nothing(
    app: Any, ada: Visitor, provider: OpenIDProvider, refusal: LogoutRefusal, changes: Claims, cause: str
) -> None:
    refusal.check(post(app, signed_by(provider, claims_of(provider, **changes))), cause)
    assert ada.is_signed_in


@pytest.mark.parametrize("changes", STRANGE_CLAIMS.values(), ids=STRANGE_CLAIMS)
def test_strange_claims_end_a_session_once(
    app: Any, ada: Visitor, provider: OpenIDProvider, refusal: LogoutRefusal, changes: Claims
) -> None:
    token = signed_by(provider, claims_of(provider, **changes))
    assert post(app, token).status_code == 200
    assert not ada.is_signed_in
    refusal.check(post(app, token), "used before")


@pytest.mark.parametrize(("make", "cause"), WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_a_token_that_the_provider_did_not_make_ends_nothing(
    app: Any, ada: Visitor, provider: OpenIDProvider, refusal: LogoutRefusal, make: Maker, cause: str
) -> None:
    refusal.check(post(app, make(provider, claims_of(provider))), cause)
    assert ada.is_signed_in


def test_an_id_token_is_no_logout_token(
    app: Any, ada: Visitor, provider: OpenIDProvider, refusal: LogoutRefusal
) -> None:
    claims = claims_of(provider, events=None, nonce="any")
    refusal.check(post(app, provider.signed(claims)), "typ")
    refusal.check(post(app, signed_by(provider, claims, typ=None)), "events")
    assert ada.is_signed_in


def test_a_logout_token_is_no_id_token(app: Any, ada: Visitor, provider: OpenIDProvider) -> None:
    provider.make_id_token = lambda _: logout_token(provider)
    assert ada.sign_in(provider="oidc").headers["location"].endswith("error=invalid_token")


def test_another_providers_token_ends_nothing(
    app: Any, ada: Visitor, provider: OpenIDProvider, other: OpenIDProvider, refusal: LogoutRefusal
) -> None:
    refusal.check(post(app, logout_token(other)), "Signature")
    refusal.check(post(app, logout_token(other, iss=provider.issuer)), "Signature")
    refusal.check(post(app, logout_token(provider), provider="other"), "Signature")
    assert ada.is_signed_in


@pytest.mark.parametrize("expiry", [120, None], ids=["with-expiry", "without"])
def test_a_token_works_once(
    app: Any, ada: Visitor, provider: OpenIDProvider, refusal: LogoutRefusal, expiry: int | None
) -> None:
    token = logout_token(provider, exp=expiry and timedelta(seconds=expiry))
    assert post(app, token).status_code == 200
    ada.sign_in(provider="oidc")
    refusal.check(post(app, token), "used before")
    assert ada.is_signed_in


def test_a_token_works_once_whichever_replica_gets_it(
    two: dict[str, str], make_app: Callable[..., Any], app: Any, provider: OpenIDProvider
) -> None:
    replicas = [app, make_app(**two)]
    token = logout_token(provider)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda replica: post(replica, token), replicas * 2))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


def test_the_same_identifier_of_another_provider_is_another(
    app: Any, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    assert post(app, logout_token(provider, jti="the-same")).status_code == 200
    assert post(app, logout_token(other, jti="the-same"), provider="other").status_code == 200
