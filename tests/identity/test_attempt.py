"""The signed cookie of an open attempt: who can make one, how long it lives, how many there may be."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from app.accounts.credentials import Keyring
from app.identity.attempt import Attempt, AttemptSigner
from app.settings.config import LOCAL_DEFAULTS
from tests.identity import tokens
from tests.identity.conftest import Refusal
from tests.support.visitor import Visitor

SECRET = LOCAL_DEFAULTS["SESSION_SECRET"]
OLD, NEW = "an old secret of thirty-two letters", "a new secret of thirty-two letters!"
Claims = dict[str, Any]


def key(secret: str = SECRET) -> bytes:
    return Keyring(secret).derived_keys("sign-in attempt")[0]


def signed(claims: Claims, secret: bytes | None = None, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret or key(), algorithm=algorithm)


TAMPERINGS: dict[str, tuple[Callable[[str, Claims], str], str]] = {
    "other-way-back": (
        lambda cookie, claims: _with_claims(cookie, claims | {"return_to": "//x"}),
        "not signed",
    ),
    "other-lifetime": (lambda cookie, claims: _with_claims(cookie, claims | {"exp": 2**40}), "not signed"),
    "another-secret": (
        lambda _, claims: signed(claims, b"another secret of thirty-two letters"),
        "not signed",
    ),
    "the-bare-secret": (lambda _, claims: signed(claims, SECRET.encode()), "not signed"),
    "unsigned": (lambda _, claims: f"{tokens.encoded({'alg': 'none'})}.{tokens.encoded(claims)}.", "alg"),
    "another-algorithm": (lambda _, claims: signed(claims, key() * 2, "HS512"), "alg"),
    "another-state": (lambda _, claims: signed(claims | {"state": "x"}), "state"),
    "expired": (lambda _, claims: signed(claims | {"exp": int(time.time()) - 1}), "ExpiredSignature"),
    "without-expiry": (
        lambda _, claims: signed({name: claims[name] for name in claims if name != "exp"}),
        "exp",
    ),
    "truncated": (lambda cookie, _: cookie[:-4], "not "),
    "garbage": (lambda *_: "garbage", "not usable"),
    "segments-of-garbage": (lambda *_: "a.b.c", "not usable"),
    "long": (lambda *_: "a" * 20_000, "not usable"),
}


def _with_claims(cookie: str, claims: Claims) -> str:
    header, _, signature = cookie.split(".")
    return f"{header}.{tokens.encoded(claims)}.{signature}"


@pytest.mark.parametrize(("tamper", "cause"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_only_our_own_young_attempts_are_believed(
    visitor: Visitor, refusal: Refusal, tamper: Callable[[str, Claims], str], cause: str
) -> None:
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.cookies.items()
    visitor.cookies[name] = tamper(cookie, jwt.decode(cookie, options={"verify_signature": False}))
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
    refusal.check(visitor.get(path), "invalid_state", "not this browser's")


def test_an_attempt_lives_ten_minutes() -> None:
    before = int(time.time())
    cookie = AttemptSigner(Keyring(SECRET)).sign(Attempt.begin("/"))
    assert 600 <= jwt.decode(cookie, key(), algorithms=["HS256"])["exp"] - before <= 602


def test_a_session_token_is_no_attempt(visitor: Visitor, refusal: Refusal) -> None:
    visitor.sign_in()
    path = visitor.go_to_provider()
    attempt = next(name for name in visitor.cookies if name != "session")
    visitor.cookies[attempt] = visitor.cookies["session"]
    refusal.check(visitor.get(path), "invalid_state", "not usable", sessions=1)


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
    claims = jwt.decode(cookie, key(NEW), algorithms=["HS256"])
    visitor.cookies[name] = signed(claims | {"exp": 1}, key(NEW))
    refusal.check(visitor.get(path), "invalid_state", "ExpiredSignature")


def test_two_tabs_do_not_break_each_other(visitor: Visitor) -> None:
    first, second = visitor.go_to_provider("/first"), visitor.go_to_provider("/second")
    assert "session" in visitor.get(second).cookies
    visitor.post("/auth/register")
    assert visitor.get(first).headers["location"].endswith("/first")
    assert list(visitor.cookies) == ["session"]


def test_an_attempt_sent_twice_is_refused(visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.cookies.items()
    answer = visitor.get(path, headers={"Cookie": f"{name}={cookie}; {name}={cookie}"})
    refusal.check(answer, "invalid_state", "no such attempt")


def test_twenty_logins_in_a_row_leave_the_newest_four_attempts(visitor: Visitor) -> None:
    paths = [visitor.go_to_provider() for _ in range(20)]
    attempts = [name for name in visitor.cookies if name.startswith("sign-in-")]
    assert len(attempts) == 4
    newest = visitor.cookies | {}
    for path in paths[-4:]:
        visitor.cookies = dict(newest)
        assert "session" in visitor.get(path).cookies


def test_attempts_with_long_ways_back_fit_into_one_header(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(API_URL="https://api.example.com"))
    for _ in range(6):
        path = visitor.go_to_provider("/" + "a" * 1999)
        assert max(len(name) + len(value) for name, value in visitor.cookies.items()) < 4000
        assert sum(len(f"{name}={value}; ") for name, value in visitor.cookies.items()) < 7000
    assert "__Host-session" in visitor.get(path).cookies


def test_attempts_that_are_not_ours_go_first(visitor: Visitor) -> None:
    visitor.cookies = {f"sign-in-{number}": "not-ours" for number in range(6)}
    paths = [visitor.go_to_provider() for _ in range(3)]
    assert len(visitor.cookies) == 4
    assert all("session" in visitor.get(path).cookies for path in paths)


@pytest.mark.parametrize(
    "cookies",
    [
        "sign-in-a b=1; sign-in-\x7f=2; sign-in-\xe9=3; sign-in-[x]=4; sign-in-,=5",
        "sign-in-=1; sign-in-%0d%0a=2; sign-in-'=3; sign-in-!#$&=4; sign-in-|~=5",
        "; ".join(f"sign-in-{number}=x" for number in range(300)),
        '=; ;;; sign-in-x="unclosed; \\"; sign-in',
    ],
    ids=["illegal-names", "odd-names", "hundreds", "malformed"],
)
def test_hostile_cookies_do_not_hinder_a_login(visitor: Visitor, cookies: str) -> None:
    answer = visitor.get("/auth/login", headers={"Cookie": cookies})
    assert answer.status_code == 302


def test_states_nonces_and_verifiers_are_long_and_never_the_same(visitor: Visitor) -> None:
    urls = [visitor.get("/auth/login").headers["location"] for _ in range(8)]
    queries = [parse_qs(urlsplit(url).query) for url in urls]
    attempts = [Attempt.begin("/") for _ in range(100)]
    columns = [[query[name][0] for query in queries] for name in ("state", "nonce", "code_challenge")] + [
        [getattr(attempt, name) for attempt in attempts] for name in ("state", "nonce", "code_verifier")
    ]
    for values in columns:
        assert len(set(values)) == len(values)
        # 64 symbols at most: 43 of them are 256 bits.
        assert min(len(value) for value in values) >= 43
    for attempt in attempts:
        assert len({attempt.state, attempt.nonce, attempt.code_verifier}) == 3
        assert attempt.id not in attempt.state


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
