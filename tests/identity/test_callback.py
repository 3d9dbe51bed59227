"""What comes back from the provider, or from somebody who pretends to come from there."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from psycopg import sql

from app.telemetry.logs import ConsoleFormatter, JSONFormatter
from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

HOSTILE_TEXT = {
    "line-breaks": "x\r\nSet-Cookie: session=evil\r\n\r\n<html>",
    "html": "<script>alert(1)</script>\"'>",
    "long": "e" * 10_000,
    "separators": "a\u2028b\u2029c\u0085d\0e",
    "terminal-escape": "\x1b[2J\x1b]0;evil\x07",
    "almost-denied": "access_denied\n",
    "upper-case": "ACCESS_DENIED",
}


WRONG_STATES: dict[str, tuple[Callable[[str], str], str]] = {
    "prefixed": (lambda path: path.replace("state=", "state=x"), "no such attempt"),
    "missing": (lambda path: path[: path.index("&state=")], "no such attempt"),
    "empty": (lambda path: path[: path.index("&state=")] + "&state=", "no such attempt"),
    "longer": (lambda path: path + "x", "no such attempt"),
    "shorter": (lambda path: path[:-1], "no such attempt"),
    "garbage": (lambda path: path[: path.index("&state=")] + "&state=%ff%00%0d%0a", "no such attempt"),
    "long": (lambda path: path + "x" * 10_000, "no such attempt"),
    "another-too": (lambda path: path + "&state=another", "more than one state"),
    "repeated": (lambda path: path + "&state=" + parse_qs(path)["state"][0], "more than one state"),
}


@pytest.mark.parametrize(("change", "cause"), WRONG_STATES.values(), ids=WRONG_STATES)
def test_the_state_must_be_this_browsers(
    visitor: Visitor, refusal: Refusal, change: Callable[[str], str], cause: str
) -> None:
    refusal.check(visitor.get(change(visitor.go_to_provider())), "invalid_state", cause)


def test_a_callback_without_anything_is_refused(visitor: Visitor, refusal: Refusal) -> None:
    refusal.check(visitor.get("/auth/callback/oidc"), "invalid_state", "no such attempt")


def test_another_browsers_callback_signs_nobody_in_and_stays_usable(
    app: Any, visitor: Visitor, refusal: Refusal
) -> None:
    path = visitor.go_to_provider()
    stranger = Visitor(app)
    refusal.check(stranger.get(path), "invalid_state", "no such attempt")
    stranger.go_to_provider()
    refusal.check(stranger.get(path), "invalid_state", "no such attempt")
    assert "session" in visitor.get(path).cookies


def test_a_callback_works_once(visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    assert "session" in visitor.get(path).cookies
    visitor.post("/auth/logout")
    refusal.check(visitor.get(path), "invalid_state", "no such attempt", sessions=1)


def test_a_callback_works_once_even_if_the_browser_keeps_the_attempt(
    app: Any, visitor: Visitor, refusal: Refusal, provider: OpenIDProvider
) -> None:
    path = visitor.go_to_provider()
    thief = Visitor(app)
    thief.cookies = dict(visitor.cookies)
    visitor.get(path)
    refusal.check(thief.get(path), "oauth_failed", "invalid_grant", sessions=1)
    assert len(provider.requests) == 2


def test_a_code_is_never_tried_again(visitor: Visitor, provider: OpenIDProvider, refusal: Refusal) -> None:
    provider.answers["/token"] = lambda _: (500, {}, b"")
    path = visitor.go_to_provider()
    refusal.check(visitor.get(path), "provider_unavailable", "status 500")
    assert provider.visits.count("/token") == 1


@pytest.mark.parametrize(
    ("query", "code", "cause"),
    [
        ("", "oauth_failed", "no code"),
        ("code=&", "oauth_failed", "no code"),
        ("code=a&code=b&", "invalid_state", "more than one code"),
        ("code=unknown&", "oauth_failed", "invalid_grant"),
        ("code=%00%ff%0d%0a%F0%9F%94%91&", "oauth_failed", "invalid_grant"),
        ("code=" + "c" * 10_000 + "&", "oauth_failed", "invalid_grant"),
    ],
    ids=["missing", "empty", "repeated", "unknown", "garbage", "long"],
)
def test_the_code_must_be_one_the_provider_gave(
    visitor: Visitor, refusal: Refusal, query: str, code: str, cause: str
) -> None:
    state = parse_qs(urlsplit(visitor.go_to_provider()).query)["state"][0]
    refusal.check(visitor.get(f"/auth/callback/oidc?{query}state={state}"), code, cause)


def test_a_code_of_another_attempt_is_worth_nothing(visitor: Visitor, refusal: Refusal) -> None:
    codes = parse_qs(urlsplit(visitor.go_to_provider()).query)["code"]
    state = parse_qs(urlsplit(visitor.go_to_provider()).query)["state"][0]
    answer = visitor.get(f"/auth/callback/oidc?code={codes[0]}&state={state}")
    refusal.check(answer, "oauth_failed", "PKCE")


def test_denying_is_told_apart_from_failing(visitor: Visitor, refusal: Refusal) -> None:
    refusal.check(visitor.get(error_callback(visitor, "access_denied")), "access_denied", "access_denied")
    refusal.check(visitor.get(error_callback(visitor, "server_error")), "oauth_failed", "server_error")
    both = error_callback(visitor, "access_denied") + "&code=a-code"
    refusal.check(visitor.get(both), "access_denied", "access_denied")
    twice = error_callback(visitor, "access_denied") + "&error=server_error"
    refusal.check(visitor.get(twice), "invalid_state", "more than one error")


def test_an_error_needs_a_state_too(visitor: Visitor, refusal: Refusal) -> None:
    refusal.check(visitor.get("/auth/callback/oidc?error=access_denied"), "invalid_state", "no such attempt")


@pytest.mark.parametrize("text", HOSTILE_TEXT.values(), ids=HOSTILE_TEXT)
def test_hostile_error_texts_break_neither_redirect_nor_log(
    visitor: Visitor, refusal: Refusal, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    path = error_callback(visitor, text) + "&error_description=" + quote(text)
    refusal.check(visitor.get(path), "oauth_failed", "the provider answered")
    record = next(record for record in caplog.records if record.message == "Sign-in failed")
    for formatter in (JSONFormatter(), ConsoleFormatter()):
        line = formatter.format(record)
        assert line.isprintable()
        assert len(line) < 1000


@pytest.mark.parametrize("issuer", ["https://evil.example", "", "%0d%0a", "x" * 9000])
def test_an_answer_that_names_another_issuer_is_refused(
    visitor: Visitor, refusal: Refusal, issuer: str
) -> None:
    path = visitor.go_to_provider()
    refusal.check(visitor.get(f"{path}&iss={issuer}"), "invalid_state", "issuer")


def test_the_issuer_may_be_missing_unless_the_provider_announces_it(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, make_app: Callable[..., Any]
) -> None:
    path = visitor.go_to_provider() + f"&iss={quote(provider.issuer, safe='')}"
    assert "session" in visitor.get(path).cookies

    provider.metadata["authorization_response_iss_parameter_supported"] = True
    careful = Visitor(make_app())
    path = careful.go_to_provider()
    refusal.check(careful.get(path), "invalid_state", "issuer", sessions=1)
    path = error_callback(careful, "access_denied")
    refusal.check(careful.get(path), "invalid_state", "issuer", sessions=1)
    path = careful.go_to_provider() + f"&iss={quote(provider.issuer, safe='')}"
    assert "session" in careful.get(path).cookies
    path = careful.go_to_provider() + f"&iss={quote(provider.issuer, safe='')}" * 2
    refusal.check(careful.get(path), "invalid_state", "more than one iss", sessions=2)


@pytest.mark.parametrize("registration", ["confirm", "automatic"])
def test_a_planted_session_cookie_is_not_kept_and_dies(
    make_app: Callable[..., Any], provider: OpenIDProvider, registration: str
) -> None:
    app = make_app(REGISTRATION=registration)
    attacker, visitor = Visitor(app), Visitor(app)
    attacker.sign_in()
    planted = visitor.cookies["session"] = attacker.cookies["session"]
    provider.person |= {"sub": "somebody-else", "email": "else@example.com"}
    visitor.sign_in()
    assert visitor.cookies["session"] != planted
    assert attacker.get("/auth/session").json["authenticated"] is False
    assert visitor.get("/auth/session").json["user"]["email"] == "else@example.com"


def test_a_made_up_session_token_is_not_adopted(visitor: Visitor) -> None:
    visitor.cookies["session"] = "A" * 43
    visitor.sign_in()
    assert visitor.cookies["session"] != "A" * 43


def test_a_refused_callback_leaves_the_session_as_it_is(visitor: Visitor, refusal: Refusal) -> None:
    visitor.sign_in()
    refusal.check(visitor.get("/auth/callback/oidc?code=a&state=b"), "invalid_state", "attempt", sessions=1)
    assert visitor.get("/auth/session").json["authenticated"] is True


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto"])
def test_no_request_header_moves_a_redirect(visitor: Visitor, name: str) -> None:
    headers = {name: "host=evil.example" if name == "Forwarded" else "evil.example"}
    login = visitor.get("/auth/login", headers=headers)
    assert "evil" not in login.headers["location"]
    callback = visitor.get("/auth/callback/oidc?error=x&state=y", headers=headers)
    assert callback.headers["location"] == f"{WEBAPP}/auth/login?error=invalid_state"
    path = visitor.go_to_provider("/settings")
    assert visitor.get(path, headers=headers).headers["location"] == f"{WEBAPP}/auth/register"


def test_redirects_are_not_cached(visitor: Visitor) -> None:
    path = visitor.go_to_provider()
    for answer in (visitor.get("/auth/login"), visitor.get(path), visitor.get(path)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_log_tells_no_secrets(
    visitor: Visitor, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    path = visitor.go_to_provider()
    attempt = next(iter(visitor.cookies.values()))
    visitor.get(path)
    visitor.get(path)
    visitor.get(path, headers={"Cookie": "of=another-browser"})
    parameters = provider.requests[0][1]
    lines = "\n".join(JSONFormatter().format(record) for record in caplog.records)
    assert lines.count("Sign-in failed") == 1
    names = ("code", "code_verifier", "client_secret")
    for secret in (
        *(parameters[name] for name in names),
        provider.access_token,
        attempt,
        visitor.cookies["session"],
    ):
        assert secret not in lines


def test_nothing_of_the_providers_tokens_is_stored(
    visitor: Visitor, provider: OpenIDProvider, connection: Connection
) -> None:
    issued: list[str] = []

    def remembered(claims: dict[str, Any]) -> str:
        issued.append(provider.signed(claims))
        return issued[-1]

    provider.make_id_token = remembered
    visitor.sign_in()
    visitor.post("/auth/register")
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    queries = [sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)) for (table,) in tables]
    rows = [str(row) for query in queries for row in connection.execute(query)]
    stored = "\n".join(rows)
    assert provider.person["sub"] in stored
    parameters = provider.requests[0][1]
    secrets = [provider.access_token, *issued[0].split("."), parameters["code"], parameters["code_verifier"]]
    assert not [secret for secret in secrets if secret in stored or secret.encode().hex() in stored]


def error_callback(visitor: Visitor, error: str) -> str:
    """The path and query of a callback with an error, for an attempt that is open."""
    state = parse_qs(urlsplit(visitor.go_to_provider()).query)["state"][0]
    return f"/auth/callback/oidc?error={quote(error)}&state={state}"
