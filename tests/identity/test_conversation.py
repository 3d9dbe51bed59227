"""What is asked of the provider, how the client proves itself, and what becomes of a person's claims."""

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.accounts.profile import usable_email
from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, OpenIDProvider
from tests.support.visitor import Visitor, authorize
from tests.support.waiting import until

AUTOMATIC = {"REGISTRATION": "automatic"}

UNUSABLE_EMAILS: dict[str, tuple[dict[str, Any], str]] = {
    "unverified": ({"email_verified": False}, "not vouch"),
    "verified-missing": ({"email_verified": None}, "not vouch"),
    "verified-as-text": ({"email_verified": "true"}, "not vouch"),
    "verified-as-number": ({"email_verified": 1}, "not vouch"),
    "verified-as-list": ({"email_verified": [True]}, "not vouch"),
    "missing": ({"email": None}, "no usable"),
    "empty": ({"email": ""}, "no usable"),
    "number": ({"email": 5}, "no usable"),
    "list": ({"email": ["ada@example.com"]}, "no usable"),
    "object": ({"email": {"a": "ada@example.com"}}, "no usable"),
    "no-at": ({"email": "ada"}, "no usable"),
    "two-at": ({"email": "ada@example.com@evil.example"}, "no usable"),
    "space": ({"email": "ada @example.com"}, "no usable"),
    "line-break": ({"email": "ada@example.com\r\nBcc:all@example.com"}, "no usable"),
    "nul": ({"email": "ada\0@example.com"}, "no usable"),
    "surrogate": ({"email": "\ud800@example.com"}, "no usable"),
    "overlong": ({"email": "a" * 310 + "@example.com"}, "no usable"),
    "another-address-in-lower-case": ({"email": "\N{KELVIN SIGN}ate@example.com"}, "no usable"),
    "kelvin-sign-beside-an-accent": ({"email": "\N{KELVIN SIGN}at\xe9@example.com"}, "no usable"),
    "kelvin-sign-in-the-domain": ({"email": "\xe9@\N{KELVIN SIGN}ate.example"}, "no usable"),
    "dotted-capital-i": ({"email": "kat\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}e@example.com"}, "no usable"),
}

PROFILES: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "nothing": ({"name": None, "picture": None}, None, None),
    "empty": ({"name": "", "picture": ""}, None, None),
    "numbers": ({"name": 5, "picture": 5}, None, None),
    "lists": ({"name": ["Ada"], "picture": ["https://example.com/"]}, None, None),
    "objects": ({"name": {"given": "Ada"}, "picture": {}}, None, None),
    "control-characters": ({"name": "\0A\r\nda\u2028\ud800"}, "Ada", "https://example.com/ada.png"),
    "nothing-but-controls": ({"name": "\0\r\n \t"}, None, "https://example.com/ada.png"),
    "overlong": ({"name": "a" * 5000, "picture": "https://example.com/" + "a" * 2000}, "a" * 200, None),
    "script": ({"name": "<script>", "picture": "javascript:alert(1)"}, "<script>", None),
    "plain-http": ({"name": "Ada", "picture": "http://example.com/ada.png"}, "Ada", None),
    "line-break-in-url": ({"name": "Ada", "picture": "https://example.com/\r\nx"}, "Ada", None),
    "every-script": ({"name": " 李 👩‍🚀 عدا "}, "李 👩‍🚀 عدا", "https://example.com/ada.png"),
}


def test_the_provider_is_asked_for_a_code_with_pkce(visitor: Visitor, provider: OpenIDProvider) -> None:
    location = visitor.get("/auth/login").headers["location"]
    url, query = urlsplit(location), parse_qs(urlsplit(location).query, strict_parsing=True)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.issuer}/authorize"
    assert query.keys() == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert (query["client_id"], query["scope"]) == ([CLIENT_ID], ["openid email profile"])
    assert query["redirect_uri"] == ["http://localhost:3000/auth/callback/oidc"]

    visitor.get(authorize(location))
    ((_, sent),) = provider.requests
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert query["code_challenge"] == [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()]
    assert (sent["grant_type"], sent["redirect_uri"]) == ("authorization_code", query["redirect_uri"][0])
    assert "scope" not in sent
    assert sent["code_verifier"] not in location


@pytest.mark.parametrize(
    ("sent_by", "prompt"),
    [("cross-site", ["login"]), ("same-site", None), ("same-origin", None), ("none", None)],
)
def test_whom_another_site_sends_to_sign_in_is_asked_by_the_provider(
    visitor: Visitor, sent_by: str, prompt: list[str] | None
) -> None:
    location = visitor.get("/auth/login", headers={"Sec-Fetch-Site": sent_by}).headers["location"]
    assert parse_qs(urlsplit(location).query).get("prompt") == prompt
    assert "session" in visitor.get(authorize(location)).cookies


def test_a_query_of_the_authorization_endpoint_is_kept(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.metadata["authorization_endpoint"] += "?tenant=a%26b"
    query = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)
    assert query["tenant"] == ["a&b"]
    assert query["response_type"] == ["code"]


def test_the_redirect_uri_is_made_of_the_api_url(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(API_URL="https://api.example.com:8443/"))
    query = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)
    assert query["redirect_uri"] == ["https://api.example.com:8443/auth/callback/oidc"]


def test_a_code_for_another_challenge_is_refused(visitor: Visitor, refusal: Refusal) -> None:
    location = visitor.get("/auth/login").headers["location"]
    callback = authorize(location.replace("code_challenge=", "code_challenge=x"))
    refusal.check(visitor.get(callback), "oauth_failed", "PKCE")


@pytest.mark.parametrize("verifier", [{}, {"code_verifier": ""}, {"code_verifier": "another"}])
def test_the_provider_of_these_tests_insists_on_the_verifier(
    visitor: Visitor, provider: OpenIDProvider, verifier: dict[str, str]
) -> None:
    callback = visitor.go_to_provider()
    answer = requests.post(
        f"{provider.issuer}/token",
        data={"code": parse_qs(urlsplit(callback).query)["code"][0], **verifier},
        auth=(CLIENT_ID, CLIENT_SECRET),
        timeout=5,
    )
    assert (answer.status_code, answer.json()["error_description"]) == (400, "PKCE")


@pytest.mark.parametrize(
    ("methods", "proof"),
    [
        (None, "basic"),
        (["client_secret_basic"], "basic"),
        (["client_secret_basic", "client_secret_post"], "basic"),
        (["client_secret_post"], None),
        ("client_secret_post", "basic"),
        ({"client_secret_post": 1}, "basic"),
        ([["client_secret_post"]], "basic"),
    ],
    ids=["silent", "basic", "both", "post", "text", "object", "nested"],
)
@pytest.mark.parametrize(
    "secret", [CLIENT_SECRET, "s:e%41c+r e&t=/?", "ключ"], ids=["plain", "odd", "cyrillic"]
)
def test_the_client_proves_itself_as_the_provider_wants(
    make_app: Callable[..., Any], provider: OpenIDProvider, methods: object, proof: str | None, secret: str
) -> None:
    if methods is not None:
        provider.metadata["token_endpoint_auth_methods_supported"] = methods
    provider.client_secret = secret
    visitor = Visitor(make_app(OIDC_CLIENT_SECRET=secret))
    assert "session" in visitor.sign_in().cookies
    assert provider.requests[0][1].get("authenticated_by") == proof


def test_a_wrong_secret_is_ours_to_look_into(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal
) -> None:
    visitor = Visitor(make_app(OIDC_CLIENT_SECRET="another"))
    refusal.check(visitor.sign_in(), "oauth_failed", "invalid_client")


@pytest.mark.parametrize(
    ("claimed", "stored"),
    [
        ("KATE@EXAMPLE.COM", "kate@example.com"),
        ("\xc9MILIE@example.com", "\xe9milie@example.com"),
        ("\N{GREEK CAPITAL LETTER KAPPA}ate@example.com", "\N{GREEK SMALL LETTER KAPPA}ate@example.com"),
        ("\N{LATIN CAPITAL LETTER SHARP S}a@example.com", "\xdfa@example.com"),
    ],
)
def test_an_address_is_kept_in_lower_case_in_its_own_letters(claimed: str, stored: str) -> None:
    assert usable_email(claimed) == stored


@pytest.mark.parametrize(("changes", "cause"), UNUSABLE_EMAILS.values(), ids=UNUSABLE_EMAILS)
def test_an_address_nobody_vouches_for_signs_nobody_in(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, changes: dict[str, Any], cause: str
) -> None:
    provider.changes = changes
    refusal.check(visitor.sign_in(), "email_not_verified", cause)


@pytest.mark.parametrize(
    "email", ["ada@evil-example.com", "ada@example.com.evil.example", "ada@sub.example.com"]
)
def test_similar_domains_are_not_the_allowed_one(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal, email: str
) -> None:
    provider.changes = {"email": email}
    visitor = Visitor(make_app(ALLOWED_EMAIL_DOMAINS="example.com"))
    refusal.check(visitor.sign_in(), "domain_not_allowed", "ALLOWED_EMAIL_DOMAINS")


@pytest.mark.parametrize(("changes", "name", "picture"), PROFILES.values(), ids=PROFILES)
def test_profiles_are_kept_as_far_as_they_are_usable(
    visitor: Visitor, provider: OpenIDProvider, changes: dict[str, Any], name: str | None, picture: str | None
) -> None:
    provider.changes = changes
    visitor.sign_in()
    user = visitor.get("/auth/session").json["user"]
    assert (user["name"], user["picture"]) == (name, picture)


def test_people_are_known_by_their_subject_never_by_their_address(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal
) -> None:
    app = make_app(**AUTOMATIC)
    first = Visitor(app)
    first.sign_in()
    ada = first.get("/auth/session").json["user"]

    provider.changes = {"email": "new@example.com"}
    moved = Visitor(app)
    moved.sign_in()
    assert moved.get("/auth/session").json["user"] == ada | {"email": "new@example.com"}

    provider.changes |= {"sub": "somebody-else"}
    stranger = Visitor(app)
    answer = stranger.sign_in()
    assert answer.headers["location"] == f"{WEBAPP}/auth/login?error=email_taken"
    assert stranger.get("/auth/session").json["authenticated"] is False
    assert refusal.causes() == ["another identity holds the e-mail address"]


def test_a_new_person_with_two_tabs_is_one_user_and_both_are_signed_in(
    make_app: Callable[..., Any], connection: Connection
) -> None:
    app = make_app(**AUTOMATIC)
    tabs = [Visitor(app) for _ in range(2)]
    callbacks = [tab.go_to_provider("/settings") for tab in tabs]
    # Both find no account, and then both wait to make one.
    connection.execute("BEGIN")
    connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
    with ThreadPoolExecutor(2) as threads:
        answers = threads.map(Visitor.get, tabs, callbacks)
        until(lambda: _waiting(connection) == 2, seconds=4, what="two registrations")
        connection.execute("COMMIT")
        locations = [answer.headers["location"] for answer in answers]
    assert locations == [f"{WEBAPP}/settings"] * 2
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    assert all(tab.get("/auth/session").json["registered"] for tab in tabs)
    live = connection.execute("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").fetchone()
    assert live == (2,)


def _waiting(connection: Connection) -> int:
    query = "SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted"
    row = connection.execute(query).fetchone()
    assert row
    return int(row[0])
