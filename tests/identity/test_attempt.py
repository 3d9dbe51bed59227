"""The signed cookie of an open attempt: who can make one, how long it lives, what is random in it."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from app.accounts.credentials import Keyring
from app.identity.attempt import ATTEMPT_SECONDS, Attempt, AttemptSigner
from app.settings.config import LOCAL_DEFAULTS
from tests.identity import tokens
from tests.identity.conftest import Refusal
from tests.support.visitor import Visitor

SECRET = LOCAL_DEFAULTS["SESSION_SECRET"]
OLD, NEW = "an old secret of thirty-two letters", "a new secret of thirty-two letters!"
PURPOSE = "sign-in attempt, version 3"


def key(secret: str = SECRET, purpose: str = PURPOSE) -> bytes:
    return Keyring(secret).derived_keys(purpose)[0]


def signed(*fields: str, secret: bytes | None = None, algorithm: Any = hashlib.sha256) -> str:
    text = ".".join(fields)
    signature = hmac.digest(secret or key(), text.encode(), algorithm)
    return f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def jwt_of(state: str, secret: bytes) -> str:
    """As an old release made attempts."""
    claims = {"state": state, "nonce": "n", "verifier": "v", "return_to": "/", "exp": int(time.time()) + 600}
    return jwt.encode(claims, secret, algorithm="HS256")


TAMPERINGS: dict[str, tuple[Callable[[str, list[str]], str], str]] = {
    "other-way-back": (lambda _, old: ".".join([*old[:-2], "Ly94", old[-1]]), "not signed"),
    "other-lifetime": (lambda _, old: ".".join([str(2**60), *old[1:]]), "not signed"),
    "other-provider": (lambda _, old: ".".join([*old[:2], "github", *old[3:]]), "not signed"),
    "other-seed": (lambda _, old: ".".join([old[0], "x" * 43, *old[2:]]), "not signed"),
    "moved-dot": (
        lambda cookie, old: cookie.replace(f"{old[1]}.", f"{old[1][:-1]}.{old[1][-1]}"),
        "not signed",
    ),
    "another-secret": (
        lambda _, old: signed(*old[:-1], secret=b"another secret of thirty-two letters"),
        "not signed",
    ),
    "the-bare-secret": (lambda _, old: signed(*old[:-1], secret=SECRET.encode()), "not signed"),
    "another-purpose": (lambda _, old: signed(*old[:-1], secret=key(purpose="something else")), "not signed"),
    "without-signature": (lambda _, old: ".".join(old[:-1]), "not signed"),
    "empty-signature": (lambda _, old: ".".join([*old[:-1], ""]), "not signed"),
    "another-algorithm": (lambda _, old: signed(*old[:-1], algorithm=hashlib.sha512), "not signed"),
    "another-seed-of-ours": (lambda _, old: signed(old[0], "x" * 43, *old[2:-1]), "no such attempt"),
    "expired": (lambda _, old: signed(str(time.time_ns() // 1000), *old[1:-1]), "expired"),
    "of-the-release-before": (
        lambda _, old: signed(*old[:2], old[4], secret=key(purpose="sign-in attempt, version 2")),
        "not signed",
    ),
    "of-an-old-release": (lambda *_: jwt_of("x", key(purpose="sign-in attempt")), "not signed"),
    "a-jwt-without-signature": (
        lambda _, old: f"{tokens.encoded({'alg': 'none'})}.{tokens.encoded({'seed': old[1]})}.",
        "not signed",
    ),
    "truncated": (lambda cookie, _: cookie[:-4], "not signed"),
    "garbage": (lambda *_: "garbage", "not signed"),
    "segments-of-garbage": (lambda *_: "a.b.c.d", "not signed"),
    "dots": (lambda *_: "....", "not signed"),
    "not-ascii": (lambda *_: "\xe9.\xff.a.b", "not signed"),
    "long": (lambda *_: "a" * 20_000, "not signed"),
}


@pytest.mark.parametrize(("tamper", "cause"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_only_our_own_young_attempts_are_believed(
    visitor: Visitor, refusal: Refusal, tamper: Callable[[str, list[str]], str], cause: str
) -> None:
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.cookies.items()
    visitor.cookies[name] = tamper(cookie, cookie.split("."))
    refusal.check(visitor.get(path), "invalid_state", cause)


def test_an_empty_attempt_is_refused(visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    visitor.cookies = dict.fromkeys(visitor.cookies, "")
    refusal.check(visitor.get(path), "invalid_state", "attempt")


def test_an_attempt_of_another_state_is_refused_under_any_name(visitor: Visitor, refusal: Refusal) -> None:
    visitor.go_to_provider()
    ((_, first),) = visitor.cookies.items()
    visitor.cookies.clear()
    path = visitor.go_to_provider()
    visitor.cookies = dict.fromkeys(visitor.cookies, first)
    refusal.check(visitor.get(path), "invalid_state", "no such attempt")


def test_an_attempt_lives_ten_minutes() -> None:
    before = time.time()
    held = AttemptSigner(Keyring(SECRET)).read(
        AttemptSigner(Keyring(SECRET)).sign(Attempt.begin("google", "/"))
    )
    assert 600 <= held.expires_at / 1_000_000 - before <= 602
    assert ATTEMPT_SECONDS == 600


def test_a_session_token_is_no_attempt(visitor: Visitor, refusal: Refusal) -> None:
    visitor.sign_in()
    path = visitor.go_to_provider()
    attempt = next(name for name in visitor.cookies if name != "session")
    visitor.cookies[attempt] = visitor.cookies["session"]
    refusal.check(visitor.get(path), "invalid_state", "not signed", sessions=1)


def test_a_rotated_secret_keeps_open_attempts_while_the_previous_is_set(
    make_app: Callable[..., Any], refusal: Refusal
) -> None:
    visitor = Visitor(make_app(SESSION_SECRET=OLD))
    path = visitor.go_to_provider()

    forgetful = Visitor(make_app(SESSION_SECRET=NEW))
    forgetful.cookies = dict(visitor.cookies)
    refusal.check(forgetful.get(path), "invalid_state", "not signed")

    rotated = Visitor(make_app(SESSION_SECRET=NEW, SESSION_SECRET_PREVIOUS=OLD))
    rotated.cookies = dict(visitor.cookies)
    assert "session" in rotated.get(path).cookies


def test_while_secrets_rotate_an_expired_attempt_is_called_expired(
    make_app: Callable[..., Any], refusal: Refusal
) -> None:
    visitor = Visitor(make_app(SESSION_SECRET=NEW, SESSION_SECRET_PREVIOUS=OLD))
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.cookies.items()
    visitor.cookies[name] = signed("1", *cookie.split(".")[1:-1], secret=key(NEW))
    refusal.check(visitor.get(path), "invalid_state", "expired")


def test_states_nonces_and_verifiers_are_long_and_never_the_same(visitor: Visitor) -> None:
    urls = [visitor.get("/auth/login").headers["location"] for _ in range(8)]
    queries = [parse_qs(urlsplit(url).query) for url in urls]
    attempts = [Attempt.begin("google", "/") for _ in range(100)]
    columns = [[query[name][0] for query in queries] for name in ("state", "nonce", "code_challenge")] + [
        [getattr(attempt, name) for attempt in attempts] for name in ("state", "nonce", "code_verifier")
    ]
    for values in columns:
        assert len(set(values)) == len(values)
        # 64 symbols at most: 43 of them are 256 bits.
        assert min(len(value) for value in values) >= 43
    for attempt in attempts:
        assert len({attempt.state, attempt.nonce, attempt.code_verifier}) == 3
        assert attempt.seed not in {attempt.state, attempt.nonce, attempt.code_verifier}


@pytest.mark.parametrize("api_url", ["http://localhost:3000", "https://api.example.com"])
def test_the_attempts_cookie_is_closed_to_scripts_and_other_hosts(
    make_app: Callable[..., Any], api_url: str
) -> None:
    is_secure = api_url.startswith("https")
    visitor = Visitor(make_app(API_URL=api_url, COOKIE_DOMAIN="example.com" if is_secure else ""))
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.latest.items()
    assert name.startswith("__Host-sign-in-" if is_secure else "sign-in-")
    assert (cookie.secure, cookie.http_only, cookie.same_site) == (is_secure, True, "Lax")
    assert (cookie.path, cookie.max_age) == ("/", 600)
    assert not cookie.domain

    cleared = visitor.get(path).cookies[name]
    assert (cleared.value, cleared.secure, cleared.http_only) == ("", is_secure, True)
    assert cleared.path == "/"
    assert not cleared.domain
    assert cleared.expires
    assert cleared.expires.year == 1970
