"""POST /auth/logout?provider=1: where the browser signs out at the provider (RP-Initiated Logout 1.0)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection
from tests.support.provider import CLIENT_ID, OpenIDProvider
from tests.support.visitor import Visitor


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str], provider: OpenIDProvider) -> Any:
    provider.metadata["end_session_endpoint"] = f"{provider.issuer}/logout?theme=a%26b"
    return make_app(**two)


@pytest.mark.parametrize("is_registered", [True, False])
def test_the_browser_is_told_where_to_sign_out(
    visitor: Visitor,
    provider: OpenIDProvider,
    is_registered: bool,  # noqa: FBT001
) -> None:
    visitor.sign_in(provider="oidc")
    if is_registered:
        visitor.post("/auth/register")
    answer = visitor.post("/auth/logout?provider=1")
    assert answer.status_code == 200
    url = urlsplit(answer.json["logout_url"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.issuer}/logout"
    assert parse_qs(url.query) == {
        "theme": ["a&b"],
        "client_id": [CLIENT_ID],
        "post_logout_redirect_uri": [WEBAPP],
    }
    assert "session" not in visitor.cookies


@pytest.mark.parametrize(
    ("name", "query", "place"),
    [("oidc", "?provider=1", "/logout?"), ("other", "?provider=1", WEBAPP), ("oidc", "", WEBAPP)],
)
def test_a_form_is_led_there(visitor: Visitor, name: str, query: str, place: str) -> None:
    visitor.sign_in(provider=name)
    form = {"Sec-Fetch-Mode": "navigate", "Origin": WEBAPP}
    answer = visitor.post(f"/auth/logout{query}", headers=form)
    assert answer.status_code == 303
    assert place in answer.headers["location"]
    assert not visitor.is_signed_in


def test_without_the_parameter_nothing_is_told(visitor: Visitor) -> None:
    visitor.sign_in(provider="oidc")
    for query in ("", "?provider=0", "?provider=oidc"):
        answer = visitor.post(f"/auth/logout{query}")
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_provider_without_such_a_place_has_none(visitor: Visitor) -> None:
    visitor.sign_in(provider="other")
    assert visitor.post("/auth/logout?provider=1").json == {"logout_url": None}
    assert not visitor.is_signed_in


@pytest.mark.parametrize("endpoint", ["javascript:alert(1)", 5, "http://[", ""])
def test_an_unusable_place_is_none(visitor: Visitor, provider: OpenIDProvider, endpoint: object) -> None:
    provider.metadata["end_session_endpoint"] = endpoint
    visitor.sign_in(provider="oidc")
    assert visitor.post("/auth/logout?provider=1").json == {"logout_url": None}


def test_visitors_and_ended_sessions_have_none(visitor: Visitor, connection: Connection) -> None:
    assert visitor.post("/auth/logout?provider=1").json == {"logout_url": None}
    visitor.sign_in(provider="oidc")
    connection.execute("UPDATE sessions SET revoked_at = now(), revoke_reason = 'revoked'")
    assert visitor.post("/auth/logout?provider=1").json == {"logout_url": None}


def test_a_session_of_a_provider_that_is_gone_has_none(
    visitor: Visitor, make_app: Callable[..., Any], two: dict[str, str]
) -> None:
    visitor.sign_in(provider="oidc")
    later = Visitor(make_app(**two | {"PROVIDERS": "other", "OIDC_ISSUER": ""}), origin=WEBAPP)
    later.cookies = dict(visitor.cookies)
    assert later.post("/auth/logout?provider=1").json == {"logout_url": None}
    assert not later.is_signed_in


def test_signing_out_does_not_depend_on_the_provider(
    visitor: Visitor, provider: OpenIDProvider, make_app: Callable[..., Any], two: dict[str, str]
) -> None:
    visitor.sign_in(provider="oidc")
    later = Visitor(make_app(**two), origin=WEBAPP)
    later.cookies = dict(visitor.cookies)
    provider.answers["/.well-known/openid-configuration"] = lambda _: (500, {}, b"")
    assert later.post("/auth/logout?provider=1").json == {"logout_url": None}
    assert not later.is_signed_in
