"""N_INTERNAL_URL: browsers know the issuer by one address, this service reaches it by another."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.support.provider import OpenIDProvider, client_at, json_answer
from tests.support.visitor import Visitor, authorize

PUBLIC = "https://id.example.com:443/realms/Main"
"""Nobody answers there. Capitals and the default port are part of it."""
REALM = "/realms/Main"


@pytest.fixture
def behind(provider: OpenIDProvider) -> dict[str, str]:
    """The environment of a service beside a provider that calls itself PUBLIC."""
    provider.metadata = {
        "issuer": PUBLIC,
        "authorization_endpoint": f"{PUBLIC}/authorize",
        "token_endpoint": f"{PUBLIC}/token",
        "jwks_uri": f"{PUBLIC}/jwks",
        "userinfo_endpoint": f"{PUBLIC}/userinfo",
        "end_session_endpoint": f"{PUBLIC}/logout",
    }
    profile = {"sub": provider.person["sub"], "name": "Ada of Userinfo"}
    provider.answers |= {
        f"{REALM}/.well-known/openid-configuration": lambda _: json_answer(provider.metadata),
        f"{REALM}/token": lambda given: provider.honest_answer("/token", given),
        f"{REALM}/jwks": lambda _: json_answer(provider.key_set()),
        f"{REALM}/userinfo": lambda _: json_answer(profile),
    }
    provider.changes = {"iss": PUBLIC, "name": None}
    return client_at(PUBLIC) | {"OIDC_INTERNAL_URL": provider.issuer + REALM}


def come_back(visitor: Visitor, provider: OpenIDProvider) -> Any:
    login = visitor.get("/auth/login")
    location = login.headers["location"]
    assert location.startswith(f"{PUBLIC}/authorize?"), location
    # A browser would find it there.
    return visitor.get(authorize(location.replace(PUBLIC, provider.issuer)))


def test_the_service_asks_inside_and_browsers_outside(
    make_app: Callable[..., Any], provider: OpenIDProvider, behind: dict[str, str]
) -> None:
    visitor = Visitor(make_app(**behind), origin=WEBAPP)
    assert come_back(visitor, provider).headers["location"] == f"{WEBAPP}/auth/register"
    assert visitor.get("/auth/session").json["user"]["name"] == "Ada of Userinfo"
    for path in ("/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"):
        assert f"{REALM}{path}" in provider.visits
    visitor.post("/auth/register")
    assert visitor.get("/auth/identities").json["identities"][0]["provider"] == "oidc"
    answer = visitor.post("/auth/logout?provider=1").json["logout_url"]
    assert answer.startswith(f"{PUBLIC}/logout?")


def test_production_allows_http_inside_the_network_alone(
    make_app: Callable[..., Any], provider: OpenIDProvider, behind: dict[str, str], refusal: Refusal
) -> None:
    hardened = {
        "APP_ENV": "production",
        "API_URL": "https://api.example.com",
        "WEBAPP_URL": WEBAPP.replace("http://localhost:5173", "https://app.example.com"),
        "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
    }
    visitor = Visitor(make_app(**behind, **hardened))
    answer = come_back(visitor, provider)
    assert answer.headers["location"] == "https://app.example.com/auth/register"


def test_endpoints_that_name_the_inner_address_are_used_as_they_are(
    make_app: Callable[..., Any], provider: OpenIDProvider, behind: dict[str, str]
) -> None:
    for name, path in (("token_endpoint", "token"), ("jwks_uri", "jwks"), ("userinfo_endpoint", "userinfo")):
        provider.metadata[name] = f"{provider.issuer}{REALM}/{path}"
    visitor = Visitor(make_app(**behind))
    assert come_back(visitor, provider).headers["location"] == f"{WEBAPP}/auth/register"


@pytest.mark.parametrize(
    "issuer", [None, "https://evil.example", "https://id.example.com/realms/Main", PUBLIC.lower()]
)
def test_discovery_must_name_the_public_issuer_to_the_letter(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    behind: dict[str, str],
    refusal: Refusal,
    issuer: str | None,
) -> None:
    provider.metadata["issuer"] = issuer or provider.issuer + REALM
    visitor = Visitor(make_app(**behind))
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", "another issuer")


@pytest.mark.parametrize(
    "other", ["https://id.example.com:443/realms/Main2", "https://id.example.com:443/realms"]
)
def test_endpoints_elsewhere_are_not_rewritten(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    behind: dict[str, str],
    refusal: Refusal,
    other: str,
) -> None:
    provider.metadata["token_endpoint"] = f"{other}/token"
    visitor = Visitor(make_app(**behind))
    refusal.check(come_back(visitor, provider), "provider_unavailable", "id.example.com")
    assert provider.requests == []


@pytest.mark.parametrize("endpoint", ["http://elsewhere.example/token", "http://localhost:1/token"])
def test_plain_http_elsewhere_is_refused(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    behind: dict[str, str],
    refusal: Refusal,
    endpoint: str,
) -> None:
    provider.metadata["token_endpoint"] = endpoint
    refusal.check(Visitor(make_app(**behind)).get("/auth/login"), "provider_unavailable", "token_endpoint")


@pytest.mark.parametrize(("configured", "named"), [("", "/"), ("/", ""), ("/", "/")])
def test_a_final_slash_is_tried_both_ways_at_discovery_alone(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal, configured: str, named: str
) -> None:
    provider.metadata["issuer"] = provider.issuer + named
    provider.changes = {"iss": provider.issuer + named}
    visitor = Visitor(make_app(**client_at(provider.issuer + configured)), origin=WEBAPP)
    visitor.register()
    assert visitor.get("/auth/identities").json["identities"][0]["provider"] == "oidc"
    provider.changes = {"iss": provider.issuer + ("" if named else "/")}
    refusal.check(visitor.sign_in(), "invalid_token", "Invalid issuer", sessions=2)
