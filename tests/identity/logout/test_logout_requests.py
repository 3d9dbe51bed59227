"""The request around a logout token: who can send it, and what else it may bring along."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.identity.logout.messages import FORM, logout_token, post
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

PATH = "/auth/backchannel-logout/oidc"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (FORM, "logout_token=%ff%00", 400),
        (FORM, "logout_token=" + "x" * 60_000, 400),
        (FORM, "logout_token=" + "x" * 70_000, 413),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "logout_token=a.b.c", 415),
        ({"Content-Type": "application/jwt"}, "a.b.c", 415),
        ({}, "logout_token=a.b.c", 415),
    ],
    ids=["bytes", "long", "too-long", "multipart", "token-alone", "no-type"],
)
def test_what_is_no_form_with_a_token_is_refused(
    app: Any, headers: dict[str, str], body: str, status: int
) -> None:
    assert Visitor(app).post(PATH, headers=headers, body=body).status_code == status


def test_it_is_posted_and_nothing_else(app: Any) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert Visitor(app).request(method, PATH).status_code == 405


def test_a_browser_that_is_made_to_send_one_gets_no_further(ada: Visitor) -> None:
    headers = FORM | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = ada.post(PATH, headers=headers, body="logout_token=a.b.c")
    assert answer.status_code in {400, 403}
    assert ada.is_signed_in


def test_api_tokens_outlive_it(app: Any, ada: Visitor, provider: OpenIDProvider) -> None:
    bearer = {"Authorization": f"Bearer {ada.post('/auth/tokens', json={'name': 'script'}).json['token']}"}
    assert post(app, logout_token(provider)).status_code == 200
    assert not ada.is_signed_in
    assert Visitor(app).get("/auth/session", headers=bearer).json["authenticated"] is True


def test_without_the_providers_keys_it_says_so(
    app: Any, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.answers["/jwks"] = lambda _: (500, {}, b"")
    answer = post(app, logout_token(provider))
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert answer.headers["cache-control"] == "no-store"
    # The one 5xx that tests of sign-in may cause.
    caplog.clear()


def test_what_cannot_be_verified_spends_the_limit_too(
    make_app: Callable[..., Any],
    two: dict[str, str],
    provider: OpenIDProvider,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider.answers["/jwks"] = lambda _: (500, {}, b"")
    app = make_app(**two, RATE_LIMIT="3/hour")
    assert [post(app, logout_token(provider)).status_code for _ in range(4)] == [503, 503, 503, 429]
    caplog.clear()
