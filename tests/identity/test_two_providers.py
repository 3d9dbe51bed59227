"""Several providers: the page to choose from, and that none can answer for another."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

API = "http://localhost:3000"


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str]) -> Any:
    return make_app(**two)


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_the_providers_are_listed_in_their_order(visitor: Visitor) -> None:
    assert visitor.get("/auth/providers").json == {
        "providers": [
            {"name": "oidc", "label": "OpenID", "login_url": f"{API}/auth/login?provider=oidc"},
            {"name": "other", "label": "Other & Co", "login_url": f"{API}/auth/login?provider=other"},
        ]
    }


def test_each_has_a_redirect_uri_of_its_own(visitor: Visitor, other: OpenIDProvider) -> None:
    location = visitor.get("/auth/login?provider=other").headers["location"]
    assert location.startswith(f"{other.issuer}/authorize?")
    assert parse_qs(urlsplit(location).query)["redirect_uri"] == [f"{API}/auth/callback/other"]
    assert visitor.sign_in(provider="other").headers["location"] == f"{WEBAPP}/auth/register"


def test_without_a_name_there_is_a_page_to_choose_from(visitor: Visitor, provider: OpenIDProvider) -> None:
    answer = visitor.get("/auth/login?return_to=/a%3Fb%3D%22%3Cc%3E")
    assert (answer.status_code, answer.cookies) == (200, {})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    page = Links(answer.text)
    back = "return_to=%2Fa%3Fb%3D%22%3Cc%3E"
    assert page.links == [f"{API}/auth/login?provider={name}&{back}" for name in ("oidc", "other")]
    assert "Continue with Other &amp; Co" in answer.text
    assert {"main", "h1", "title"} <= page.tags
    assert not {"script", "form", "img", "link", "iframe"} & page.tags
    assert "prefers-color-scheme: dark" in answer.text
    policy = answer.headers["content-security-policy"]
    assert re.search(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='", policy)
    assert "unsafe" not in policy
    assert provider.visits == []
    assert visitor.get(page.links[0].removeprefix(API)).status_code == 302


@pytest.mark.parametrize("query", ["return_to=//evil.example", "return_to=/a&return_to=/b"])
def test_the_page_leads_back_to_the_frontend_alone(visitor: Visitor, query: str) -> None:
    answer = visitor.get(f"/auth/login?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_return_to")


@pytest.mark.parametrize(
    "query", ["provider=third", "provider=", "provider=oidc&provider=other", "provider=OIDC"]
)
def test_an_unknown_provider_is_a_400(visitor: Visitor, query: str) -> None:
    answer = visitor.get(f"/auth/login?{query}")
    assert (answer.status_code, answer.json["code"], answer.cookies) == (400, "unknown_provider", {})


def test_choosing_spends_no_sign_in_limit(make_app: Callable[..., Any], two: dict[str, str]) -> None:
    visitor = Visitor(make_app(**two, RATE_LIMIT_SIGN_IN="1/hour"))
    for _ in range(3):
        assert visitor.get("/auth/login").status_code == 200
    assert visitor.get("/auth/login?provider=oidc").status_code == 302
    assert visitor.get("/auth/login?provider=other").status_code == 429
    assert visitor.get("/auth/login").status_code == 200


def test_the_only_provider_needs_no_choice(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    visitor = Visitor(make_app())
    assert visitor.get("/auth/login").status_code == 302
    assert [item["name"] for item in visitor.get("/auth/providers").json["providers"]] == ["oidc"]


@pytest.mark.parametrize(("asked", "answering"), [("oidc", "other"), ("other", "oidc")])
def test_one_providers_answer_is_refused_at_anothers_callback(
    visitor: Visitor,
    refusal: Refusal,
    provider: OpenIDProvider,
    other: OpenIDProvider,
    asked: str,
    answering: str,
) -> None:
    path = visitor.go_to_provider(provider=asked)
    elsewhere = path.replace(f"/callback/{asked}", f"/callback/{answering}")
    refusal.check(visitor.get(elsewhere), "invalid_state", f"{answering} answers an attempt with {asked}")
    assert provider.requests == other.requests == []
    # Nobody has used it up.
    assert "session" in visitor.get(path).cookies
    refusal.check(visitor.get(elsewhere), "invalid_state", "no such attempt", sessions=1)


def test_one_providers_code_under_anothers_state_is_refused(
    visitor: Visitor, refusal: Refusal, other: OpenIDProvider
) -> None:
    code = parse_qs(urlsplit(visitor.go_to_provider(provider="oidc")).query)["code"][0]
    state = parse_qs(urlsplit(visitor.go_to_provider(provider="other")).query)["state"][0]
    answer = visitor.get(f"/auth/callback/other?code={code}&state={state}")
    refusal.check(answer, "oauth_failed", "invalid_grant")


def test_one_providers_issuer_at_anothers_callback_is_refused(
    visitor: Visitor, refusal: Refusal, provider: OpenIDProvider
) -> None:
    path = visitor.go_to_provider(provider="other")
    refusal.check(visitor.get(f"{path}&iss={quote(provider.issuer, safe='')}"), "invalid_state", "issuer")


def test_one_providers_token_from_another_is_refused(
    visitor: Visitor, refusal: Refusal, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    other.make_id_token = lambda claims: provider.signed(claims | {"iss": provider.issuer})
    refusal.check(visitor.sign_in(provider="other"), "invalid_token", "Signature verification failed")
    other.make_id_token = lambda claims: other.signed(claims | {"iss": provider.issuer})
    refusal.check(visitor.sign_in(provider="other"), "invalid_token", "Invalid issuer")


@pytest.mark.parametrize("path", ["/auth/callback", "/auth/callback/third", "/auth/callback/OIDC"])
def test_a_callback_of_nobody_asks_nobody(
    visitor: Visitor, refusal: Refusal, provider: OpenIDProvider, other: OpenIDProvider, path: str
) -> None:
    answer = visitor.go_to_provider(provider="oidc").replace("/auth/callback/oidc", path)
    asked = len(provider.visits)
    refusal.check(visitor.get(answer), "invalid_state", "provider")
    assert (len(provider.visits), other.visits) == (asked, [])


def test_the_same_subject_of_two_providers_is_two_people(
    app: Any, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    other.person |= {"sub": provider.person["sub"], "email": "other@example.com"}
    first, second = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    first.sign_in(provider="oidc")
    second.sign_in(provider="other")
    ids = {visitor.post("/auth/register").json["id"] for visitor in (first, second)}
    assert len(ids) == 2


def test_nobody_is_linked_by_address(app: Any, provider: OpenIDProvider, other: OpenIDProvider) -> None:
    Visitor(app, origin=WEBAPP)
    first, second = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    first.register(provider="oidc")
    other.person["email"] = provider.person["email"]
    second.sign_in(provider="other")
    answer = second.post("/auth/register")
    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")


def test_two_names_with_one_issuer_share_their_people(
    make_app: Callable[..., Any], provider: OpenIDProvider, two: dict[str, str]
) -> None:
    app = make_app(**two | {"OTHER_ISSUER": f"{provider.issuer}/"})
    first, second = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    user = first.register(provider="oidc")
    second.sign_in(provider="other")
    assert second.get("/auth/session").json["user"]["id"] == user


def test_metrics_tell_providers_apart(visitor: Visitor) -> None:
    visitor.sign_in(provider="other")
    visitor.get("/auth/callback/oidc?state=forged")
    visitor.get("/auth/callback/third?state=forged")
    text = visitor.get("/metrics").text
    for outcome, name in (
        ("registration_pending", "other"),
        ("invalid_state", "oidc"),
        ("invalid_state", "none"),
    ):
        assert f'sign_ins_total{{outcome="{outcome}",provider="{name}"}} 1.0' in text
    assert 'provider="third"' not in text
