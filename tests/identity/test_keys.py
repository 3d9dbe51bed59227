"""Which keys and algorithms verify an ID token, and when the key set is fetched again."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from tests.conftest import WEBAPP
from tests.identity import tokens
from tests.identity.conftest import Refusal
from tests.identity.logout.messages import claims_of, post, signed
from tests.identity.misbehaviour import FAILURES, KEYS
from tests.support.provider import OpenIDProvider, SigningKey, json_answer
from tests.support.visitor import Visitor

KINDS: dict[str, Callable[[], SigningKey]] = {
    **{
        f"{family}{bits}": lambda: rsa.generate_private_key(65537, 2048)
        for family in ("RS", "PS")
        for bits in (256, 384, 512)
    },
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def assert_signed_in(visitor: Visitor) -> None:
    callback = visitor.sign_in()
    assert (callback.status_code, callback.headers["location"]) == (303, f"{WEBAPP}/auth/register")


def sign_with(provider: OpenIDProvider, algorithm: str, *, kid: str | None) -> None:
    """The next ID tokens are signed like this; without kid their headers name no key."""
    headers = {} if kid is None else {"kid": kid}
    key: Any = provider.keys["used"]
    provider.make_id_token = lambda claims: jwt.encode(claims, key, algorithm, headers=headers)


@pytest.mark.parametrize("announces", [False, True], ids=["silent", "announced"])
@pytest.mark.parametrize("algorithm", KINDS)
def test_a_provider_signs_with_any_public_key(
    visitor: Visitor,
    provider: OpenIDProvider,
    algorithm: str,
    announces: bool,  # noqa: FBT001
) -> None:
    provider.keys["used"] = KINDS[algorithm]()
    if announces:
        provider.metadata["id_token_signing_alg_values_supported"] = ["HS256", "none", algorithm]
    sign_with(provider, algorithm, kid="used")
    assert_signed_in(visitor)


def test_ed448_is_one_of_them(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.keys["used"] = ed448.Ed448PrivateKey.generate()
    sign_with(provider, "EdDSA", kid="used")
    assert_signed_in(visitor)


@pytest.mark.parametrize("announced", [["RS256"], ["none"], ["HS256"], ["RS256", "none", "HS256"]])
@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
def test_what_the_provider_does_not_announce_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, announced: list[str], algorithm: str
) -> None:
    provider.keys["used"] = KINDS[algorithm]()
    provider.metadata["id_token_signing_alg_values_supported"] = announced
    sign_with(provider, algorithm, kid="used")
    refusal.check(visitor.sign_in(), "invalid_token", "alg value is not allowed")


@pytest.mark.parametrize("announced", ["RS256", 5, None, [], [5]], ids=str)
def test_an_announcement_that_is_no_list_announces_nothing(
    visitor: Visitor, provider: OpenIDProvider, announced: object
) -> None:
    provider.metadata["id_token_signing_alg_values_supported"] = announced
    assert_signed_in(visitor)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "ES256K"])
def test_others_are_refused_though_they_are_announced(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, algorithm: str
) -> None:
    provider.metadata["id_token_signing_alg_values_supported"] = [algorithm]
    header = tokens.encoded({"alg": algorithm, "kid": "first"})
    provider.make_id_token = lambda claims: f"{header}.{tokens.encoded(claims)}.{tokens.encoded(b'x' * 32)}"
    refusal.check(visitor.sign_in(), "invalid_token", "alg value is not allowed")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "EdDSA"])
def test_the_only_key_that_fits_need_not_be_named_beside_others(
    visitor: Visitor, provider: OpenIDProvider, algorithm: str
) -> None:
    others = {"RS256", "ES256", "ES384", "EdDSA"} - {algorithm}
    provider.keys = {other: KINDS[other]() for other in sorted(others)}
    provider.keys["used"] = KINDS[algorithm]()
    sign_with(provider, algorithm, kid=None)
    assert_signed_in(visitor)


@pytest.mark.parametrize("name", ["EdDSA", "Ed25519"])
def test_keys_may_say_what_they_are_for(visitor: Visitor, provider: OpenIDProvider, name: str) -> None:
    """Also beside a key for another algorithm, and by the curve's name (RFC 9864)."""
    provider.keys = {"first": KINDS["RS256"](), "used": KINDS["EdDSA"]()}
    names = {"first": "RS256", "used": name}
    keys = [key | {"alg": names[key["kid"]]} for key in provider.key_set()["keys"]]
    provider.answers[KEYS] = lambda _: json_answer({"keys": keys})
    sign_with(provider, "EdDSA", kid=None)
    assert_signed_in(visitor)


def test_the_only_key_that_fits_need_not_have_a_name_either(
    visitor: Visitor, provider: OpenIDProvider
) -> None:
    key_set = [
        {name: value for name, value in key.items() if name != "kid"} for key in provider.key_set()["keys"]
    ]
    provider.answers[KEYS] = lambda _: json_answer({"keys": key_set})
    assert_signed_in(visitor)


def test_of_several_that_fit_one_must_be_named(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.keys["used"] = KINDS["RS256"]()
    sign_with(provider, "RS256", kid=None)
    refusal.check(visitor.sign_in(), "invalid_token", "2 of 2 keys fit")


def test_a_key_for_one_algorithm_verifies_no_other(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    keys = [key | {"alg": "RS256"} for key in provider.key_set()["keys"]]
    provider.answers[KEYS] = lambda _: json_answer({"keys": keys})
    provider.make_id_token = partial(provider.signed, algorithm="PS256")
    refusal.check(visitor.sign_in(), "invalid_token", "find a signing key")


def test_a_new_key_under_an_old_name_is_fetched(visitor: Visitor, provider: OpenIDProvider) -> None:
    assert_signed_in(visitor)
    provider.keys["first"] = KINDS["RS256"]()
    assert_signed_in(visitor)
    assert provider.visits.count(KEYS) == 2


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of the key set."""
    now = [1000.0]
    monkeypatch.setattr("app.identity.providers.keys.time.monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_bad_signatures_fetch_once_a_minute(
    visitor: Visitor, provider: OpenIDProvider, pause: Callable[[float], None]
) -> None:
    assert_signed_in(visitor)
    provider.make_id_token = partial(tokens.forged, provider)
    for seconds, fetched in ((0, 2), (0, 2), (59, 2), (2, 3), (0, 3)):
        pause(seconds)
        visitor.sign_in()
        assert provider.visits.count(KEYS) == fetched


def test_each_rotation_is_followed_a_minute_after_the_one_before(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, pause: Callable[[float], None]
) -> None:
    def rotate(kid: str) -> None:
        provider.keys = {kid: KINDS["RS256"]()}
        provider.make_id_token = partial(provider.signed, kid=kid)

    assert_signed_in(visitor)
    rotate("second")
    assert_signed_in(visitor)
    rotate("third")
    refusal.check(visitor.sign_in(), "invalid_token", "find a signing key", sessions=2)
    pause(61)
    assert_signed_in(visitor)
    assert provider.visits.count(KEYS) == 3


def test_a_flood_of_unknown_keys_neither_reaches_the_provider_nor_delays_a_rotation(
    app: Any, visitor: Visitor, provider: OpenIDProvider
) -> None:
    """Anybody can send logout tokens."""
    assert_signed_in(visitor)
    key = KINDS["RS256"]()
    for number in range(50):
        assert post(app, signed(key, claims_of(provider), kid=str(number))).status_code == 400
    assert provider.visits.count(KEYS) == 2
    provider.keys["second"] = KINDS["RS256"]()
    provider.make_id_token = partial(provider.signed, kid="second")
    assert_signed_in(visitor)
    assert provider.visits.count(KEYS) == 3


def test_the_very_first_bad_signature_fetches_too(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.make_id_token = partial(tokens.forged, provider)
    visitor.sign_in()
    assert provider.visits.count(KEYS) == 2


def test_the_last_key_set_serves_while_the_provider_is_away(
    visitor: Visitor, provider: OpenIDProvider, pause: Callable[[float], None]
) -> None:
    assert_signed_in(visitor)
    for failure in ("500", "html", "empty", "redirect", "hangs-up"):
        FAILURES[failure](provider, KEYS)
        pause(301)
        assert_signed_in(visitor)
    provider.answers[KEYS] = lambda _: json_answer({"keys": []})
    pause(301)
    assert_signed_in(visitor)


def test_a_key_that_was_taken_back_is_forgotten_in_five_minutes(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, pause: Callable[[float], None]
) -> None:
    assert_signed_in(visitor)
    stolen: Any = provider.keys.pop("first")
    provider.keys["second"] = KINDS["RS256"]()
    provider.make_id_token = lambda claims: jwt.encode(claims, stolen, "RS256", headers={"kid": "first"})
    pause(301)
    refusal.check(visitor.sign_in(), "invalid_token", "find a signing key", sessions=1)
