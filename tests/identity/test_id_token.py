"""What an ID token must be before anybody is signed in by it (OpenID Connect Core 1.0, section 3.1.3.7)."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import WEBAPP
from tests.identity import tokens
from tests.identity.conftest import Refusal
from tests.support.provider import CLIENT_ID, OpenIDProvider, json_answer
from tests.support.visitor import Visitor

WRONG_CLAIMS: dict[str, tuple[tokens.Claims, str]] = {
    "issuer-another": ({"iss": "https://evil.example"}, "Invalid issuer"),
    "issuer-list": ({"iss": ["https://evil.example"]}, "must be a string"),
    "audience-another": ({"aud": "another-client"}, "Audience doesn't match"),
    "audience-prefix": ({"aud": CLIENT_ID + "-2"}, "Audience doesn't match"),
    "audience-list-without-us": ({"aud": ["another-client", "third"]}, "Audience doesn't match"),
    "audience-number": ({"aud": 5}, "Invalid claim format"),
    "azp-another": ({"azp": "another-client"}, "azp"),
    "azp-another-of-several": ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "azp"),
    "several-audiences-without-azp": ({"aud": [CLIENT_ID, "another-client"]}, "azp"),
    "nonce-another": ({"nonce": "another-attempt"}, "nonce"),
    "nonce-missing": ({"nonce": None}, "nonce"),
    "nonce-empty": ({"nonce": ""}, "nonce"),
    "nonce-list": ({"nonce": ["x"]}, "nonce"),
    "nonce-surrogate": ({"nonce": "\ud800"}, "nonce"),
    "issuer-missing": ({"iss": None}, '"iss"'),
    "subject-missing": ({"sub": None}, '"sub"'),
    "audience-missing": ({"aud": None}, '"aud"'),
    "expiry-missing": ({"exp": None}, '"exp"'),
    "issue-time-missing": ({"iat": None}, '"iat"'),
    "expiry-word": ({"exp": "tomorrow"}, "exp"),
    "expiry-list": ({"exp": []}, "exp"),
    "expiry-infinite": ({"exp": float("inf")}, "exp"),
    "issue-time-object": ({"iat": {}}, "iat"),
    "subject-empty": ({"sub": ""}, "subject"),
    "subject-overlong": ({"sub": "s" * 256}, "subject"),
    "subject-number": ({"sub": 42}, "Subject must be a string"),
    "subject-list": ({"sub": ["42"]}, "Subject must be a string"),
    "subject-control-character": ({"sub": "a\0b"}, "subject"),
    "subject-surrogate": ({"sub": "\udfff"}, "subject"),
}

WRONG_TOKENS: dict[str, tuple[tokens.Maker, str]] = {
    "alg-none": (tokens.unsigned("none"), "alg value is not allowed"),
    "alg-None": (tokens.unsigned("None"), "alg value is not allowed"),
    "alg-missing": (tokens.headed({}), "alg value is not allowed"),
    "alg-list": (tokens.headed({"alg": ["RS256"]}), "alg value is not allowed"),
    "alg-object": (tokens.headed({"alg": {"RS256": 1}}), "alg value is not allowed"),
    "kid-list": (tokens.headed({"alg": "RS256", "kid": ["first"]}), "Key ID"),
    "alg-empty": (tokens.unsigned(""), "alg value is not allowed"),
    "hs256-public-pem": (tokens.hmac_with_public_pem, "alg value is not allowed"),
    "hs256-public-der": (tokens.hmac_with_public_der, "alg value is not allowed"),
    "hs256-public-jwk": (tokens.hmac_with_public_jwk, "alg value is not allowed"),
    "hs256-no-secret": (tokens.hmac_with_nothing, "alg value is not allowed"),
    "forged-under-the-same-kid": (tokens.forged, "Signature verification failed"),
    "key-in-header": (tokens.with_its_own_key, "Signature verification failed"),
    "claims-exchanged": (tokens.with_other_claims, "Signature verification failed"),
    "signature-removed": (tokens.without_signature, "Signature verification failed"),
    "truncated": (tokens.truncated, "Signature verification failed"),
    "kid-unknown": (tokens.with_headers(kid="unknown"), "find a signing key"),
    "kid-path": (tokens.with_headers(kid="../../dev/null"), "find a signing key"),
    "unknown-critical-header": (tokens.with_headers(crit=["exp2"], exp2=1), "crit"),
    "garbage": (lambda *_: "garbage", "Not enough segments"),
    "garbage-in-segments": (lambda *_: "a.b.c", "DecodeError"),
    "not-ascii": (lambda *_: "é.é.é", "no ID token"),
    "surrogate": (lambda *_: "\ud800.e.e", "no ID token"),
    "nested-deeply": (tokens.nested_deeply, "Signature verification failed"),
    "number": (lambda *_: 42, "no ID token"),
    "object": (lambda *_: {"a": 1}, "no ID token"),
    "none-at-all": (lambda *_: None, "no ID token"),
}


@pytest.mark.parametrize(("changes", "cause"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_with_wrong_claims_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, changes: tokens.Claims, cause: str
) -> None:
    provider.changes = changes
    refusal.check(visitor.sign_in(), "invalid_token", cause)


@pytest.mark.parametrize(("make", "cause"), WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_a_token_the_provider_did_not_sign_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, make: tokens.Maker, cause: str
) -> None:
    provider.make_id_token = partial(make, provider)
    refusal.check(visitor.sign_in(), "invalid_token", cause)


@pytest.mark.parametrize(
    "variant", ["{}/", "{}/.", "{}?", "{}#", " {}"], ids=["slash", "dot", "query", "fragment", "space"]
)
def test_the_issuer_is_compared_exactly(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, variant: str
) -> None:
    provider.changes = {"iss": variant.format(provider.issuer)}
    refusal.check(visitor.sign_in(), "invalid_token", "Invalid issuer")


def test_only_google_may_leave_the_scheme_out_of_its_issuer(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.changes = {"iss": provider.issuer.removeprefix("http://")}
    refusal.check(visitor.sign_in(), "invalid_token", "Invalid issuer")


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_google_may_leave_the_scheme_out(
    google: Callable[..., Visitor], https_provider: OpenIDProvider, issuer: str
) -> None:
    https_provider.changes = {"iss": issuer}
    assert_signed_in(google())


def test_google_may_leave_nothing_else_out(
    google: Callable[..., Visitor], https_provider: OpenIDProvider, refusal: Refusal
) -> None:
    https_provider.changes = {"iss": "http://accounts.google.com"}
    refusal.check(google().sign_in(), "invalid_token", "Invalid issuer")


@pytest.mark.parametrize(
    ("claim", "seconds", "cause"),
    [("exp", -31, "expired"), ("iat", 90, "not yet valid"), ("nbf", 90, "not yet valid")],
    ids=["expired", "issued-in-the-future", "not-valid-before-the-future"],
)
def test_a_token_of_another_time_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, claim: str, seconds: int, cause: str
) -> None:
    provider.changes = {claim: int(time.time()) + seconds}
    refusal.check(visitor.sign_in(), "invalid_token", cause)


@pytest.mark.parametrize(
    ("claim", "seconds"), [("exp", -15), ("iat", 25), ("nbf", 25)], ids=["exp", "iat", "nbf"]
)
def test_clocks_may_differ_by_thirty_seconds(
    visitor: Visitor, provider: OpenIDProvider, claim: str, seconds: int
) -> None:
    provider.changes = {claim: int(time.time()) + seconds}
    assert_signed_in(visitor)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT_ID]},
        {"azp": CLIENT_ID},
        {"aud": ["another-client", CLIENT_ID], "azp": CLIENT_ID},
        {"sub": "s" * 255},
    ],
    ids=["one-audience-in-a-list", "azp-of-ours", "several-audiences-with-azp", "longest-subject"],
)
def test_unusual_tokens_within_the_rules_are_accepted(
    visitor: Visitor, provider: OpenIDProvider, changes: tokens.Claims
) -> None:
    provider.changes = changes
    assert_signed_in(visitor)


def test_hs256_is_refused_though_the_provider_publishes_its_secret(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    secret = b"a secret of thirty-two characters"
    shared = {"kty": "oct", "kid": "shared", "k": tokens.encoded(secret)}
    provider.answers["/jwks"] = lambda _: json_answer({"keys": [*provider.key_set()["keys"], shared]})
    provider.make_id_token = lambda claims: tokens.signed_by_hmac(secret, claims, kid="shared")
    refusal.check(visitor.sign_in(), "invalid_token", "alg value is not allowed")


def test_keys_for_encryption_sign_nobody_in(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    keys = [key | {"use": "enc"} for key in provider.key_set()["keys"]]
    provider.answers["/jwks"] = lambda _: json_answer({"keys": keys})
    refusal.check(visitor.sign_in(), "invalid_token", "signing key")


def test_keys_a_token_points_to_are_not_fetched(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    headers: dict[str, Any] = {"jku": f"{provider.issuer}/evil-keys", "x5u": f"{provider.issuer}/evil-keys"}
    provider.make_id_token = partial(tokens.with_headers(kid="unknown", **headers), provider)
    refusal.check(visitor.sign_in(), "invalid_token", "find a signing key")
    assert "/evil-keys" not in provider.visits


def test_a_rotated_key_is_fetched_and_the_retired_one_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    assert_signed_in(visitor)
    retired = provider.keys.pop("first")
    provider.keys["second"] = ec.generate_private_key(ec.SECP256R1())
    provider.make_id_token = partial(provider.signed, kid="second", algorithm="ES256")
    assert_signed_in(visitor)

    provider.make_id_token = lambda claims: jwt.encode(claims, retired, "RS256", headers={"kid": "first"})
    refusal.check(visitor.sign_in(), "invalid_token", "find a signing key", sessions=2)


def test_the_key_set_is_fetched_once(visitor: Visitor, provider: OpenIDProvider) -> None:
    for _ in range(3):
        assert_signed_in(visitor)
    assert provider.visits.count("/jwks") == 1


def test_unknown_keys_do_not_make_us_hammer_the_provider(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.make_id_token = partial(tokens.with_headers(kid="unknown"), provider)
    for _ in range(5):
        visitor.sign_in()
    assert provider.visits.count("/jwks") == 2


def assert_signed_in(visitor: Visitor) -> None:
    callback = visitor.sign_in()
    assert (callback.status_code, callback.headers["location"]) == (303, f"{WEBAPP}/auth/register")
    assert visitor.get("/auth/session").json["authenticated"] is True
