"""How the service proves itself to a provider, and what it asks only where the provider can do it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, Answer, OpenIDProvider, json_answer
from tests.support.visitor import Visitor

ALL = ["client_secret_basic", "client_secret_jwt", "client_secret_post", "private_key_jwt", "none"]


def insist_on(provider: OpenIDProvider, method: str, error: str = "invalid_client") -> list[str]:
    """Lets the client prove itself by one method alone; returns what it tried."""
    tried: list[str] = []

    def answer(given: dict[str, str]) -> Answer:
        if "client_assertion" in given:
            used = "client_secret_jwt"
            claims = jwt.decode(
                given["client_assertion"],
                CLIENT_SECRET.ljust(32, "!"),
                algorithms=["HS256"],
                audience=provider.issuer,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "jti"]},
            )
            assert claims["iss"] == claims["sub"] == given["client_id"] == CLIENT_ID
            assert given["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            assert "client_secret" not in given
            given |= {"client_secret": CLIENT_SECRET}
        else:
            used = "client_secret_" + given.get("authenticated_by", "post")
            given |= {"client_secret": CLIENT_SECRET}
        tried.append(used)
        if used != method:
            return json_answer({"error": error}, 401)
        return provider.honest_answer("/token", given)

    provider.answers["/token"] = answer
    return tried


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_the_method_that_the_client_is_registered_with_is_found_and_remembered(
    make_app: Callable[..., Any], provider: OpenIDProvider, method: str, error: str
) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ALL
    tried = insist_on(provider, method, error)
    visitor = Visitor(make_app(OIDC_CLIENT_SECRET=CLIENT_SECRET.ljust(32, "!")))
    for _ in range(2):
        assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    order = ["client_secret_basic", "client_secret_post", "client_secret_jwt"]
    assert tried == [*order[: order.index(method) + 1], method]


def test_a_method_that_the_provider_does_not_list_is_not_tried(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
    tried = insist_on(provider, "client_secret_post")
    refusal.check(visitor.sign_in(), "oauth_failed", "invalid_client")
    assert tried == ["client_secret_basic"]


@pytest.mark.parametrize(
    ("listed", "prompt"),
    [
        (["none", "login", "consent", "select_account"], ["select_account"]),
        (["none", "login", "consent"], ["login"]),
        (["none", "consent"], None),
        ([], ["login"]),
        (None, ["login"]),
        ("select_account", ["login"]),
    ],
    ids=str,
)
def test_the_person_is_asked_in_a_way_that_the_provider_knows(
    visitor: Visitor, provider: OpenIDProvider, listed: object, prompt: list[str] | None
) -> None:
    provider.metadata["prompt_values_supported"] = listed
    location = visitor.get("/auth/login", headers={"Sec-Fetch-Site": "cross-site"}).headers["location"]
    assert parse_qs(urlsplit(location).query).get("prompt") == prompt


def test_google_which_does_not_say_what_it_knows_lets_people_choose(google: Callable[..., Visitor]) -> None:
    login = google().get("/auth/login", headers={"Sec-Fetch-Site": "cross-site"})
    assert parse_qs(urlsplit(login.headers["location"]).query)["prompt"] == ["select_account"]


def test_scopes_are_those_of_the_settings(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    visitor = Visitor(make_app(OIDC_SCOPES="openid email groups"))
    location = visitor.get("/auth/login").headers["location"]
    assert parse_qs(urlsplit(location).query)["scope"] == ["openid email groups"]


PUSHED = "/pushed"


@pytest.fixture
def pushing(provider: OpenIDProvider) -> list[dict[str, str]]:
    """Makes the provider require requests beforehand; returns them."""
    requests: list[dict[str, str]] = []

    def push(given: dict[str, str]) -> Answer:
        requests.append(given)
        return json_answer({"request_uri": "urn:ietf:params:oauth:request_uri:1", "expires_in": 60}, 201)

    def authorize(given: dict[str, str]) -> Answer:
        assert given == {"client_id": CLIENT_ID, "request_uri": "urn:ietf:params:oauth:request_uri:1"}
        return provider.honest_answer("/authorize", requests[-1])

    provider.answers |= {PUSHED: push, "/authorize": authorize}
    provider.metadata |= {
        "pushed_authorization_request_endpoint": provider.issuer + PUSHED,
        "require_pushed_authorization_requests": True,
    }
    return requests


@pytest.mark.parametrize("methods", [["client_secret_basic"], ["client_secret_post"]])
def test_a_request_is_pushed_where_the_provider_requires_it(
    visitor: Visitor, provider: OpenIDProvider, pushing: list[dict[str, str]], methods: list[str]
) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    [pushed] = pushing
    assert pushed["client_secret"] == CLIENT_SECRET
    assert {"state", "nonce", "code_challenge", "redirect_uri", "scope", "response_type"} <= pushed.keys()


@pytest.mark.parametrize("status", [400, 401])
def test_a_request_is_pushed_in_the_way_that_the_client_is_registered_with(
    visitor: Visitor, provider: OpenIDProvider, pushing: list[dict[str, str]], refusal: Refusal, status: int
) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_basic", "client_secret_post"]
    push = provider.answers[PUSHED]

    def answer(given: dict[str, str]) -> Answer:
        by_header = given.get("authenticated_by") == "basic"
        taken = push(given)
        assert isinstance(taken, tuple)
        return json_answer({"error": "invalid_client"}, status) if by_header else taken

    provider.answers[PUSHED] = answer
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    assert len(pushing) == 2
    provider.answers[PUSHED] = lambda _: json_answer({"error": "invalid_client"}, status)
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", str(status), sessions=1)


def test_where_it_is_optional_nothing_is_pushed(
    make_app: Callable[..., Any], provider: OpenIDProvider, pushing: list[dict[str, str]]
) -> None:
    del provider.metadata["require_pushed_authorization_requests"]
    del provider.answers["/authorize"]
    assert Visitor(make_app()).sign_in().headers["location"] == f"{WEBAPP}/auth/register"
    assert pushing == []


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"error": "invalid_request"}, 400),
        json_answer({}),
        json_answer({"request_uri": 5}),
        (500, {}, b""),
    ],
    ids=str,
)
def test_a_push_that_fails_makes_the_provider_unavailable(
    visitor: Visitor,
    provider: OpenIDProvider,
    pushing: list[dict[str, str]],
    refusal: Refusal,
    answer: Answer,
) -> None:
    provider.answers[PUSHED] = lambda _: answer
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", "pushed authorization")
    assert not visitor.cookies


def test_a_push_without_a_place_for_it_makes_the_provider_unavailable(
    visitor: Visitor, provider: OpenIDProvider, pushing: list[dict[str, str]], refusal: Refusal
) -> None:
    del provider.metadata["pushed_authorization_request_endpoint"]
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", "pushed_authorization_request_endpoint")
