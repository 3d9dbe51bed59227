"""Each code with which docs/sign-in.md explains a failed sign-in is what the frontend gets."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from falcon.testing import Result

from tests.conftest import WEBAPP
from tests.support.pages import Page, rows
from tests.support.provider import OpenIDProvider, json_answer
from tests.support.visitor import Visitor

ENTRIES = [row[0].strip("`") for row in rows(Page("sign-in.md").section("When sign-in fails"))]


@dataclass
class SignIn:
    """One that is about to go wrong."""

    provider: OpenIDProvider
    connection: psycopg.Connection[Any]
    make_app: Callable[..., Any]

    def begin(self, **environ: str) -> Result:
        """From the frontend to the callback's answer; the arguments are environment variables."""
        return Visitor(self.make_app(**environ), origin=WEBAPP).sign_in()

    def with_person(self, **claims: object) -> Result:
        self.provider.person |= claims
        return self.begin()


def deny(sign_in: SignIn) -> Result:
    def refuse(parameters: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        query = urlencode({"error": "access_denied", "state": parameters["state"]})
        return 302, {"Location": f"{parameters['redirect_uri']}?{query}"}, b""

    sign_in.provider.answers["/authorize"] = refuse
    return sign_in.begin()


def fail_at_the_provider(sign_in: SignIn) -> Result:
    sign_in.provider.answers["/token"] = lambda _: json_answer({}, 500)
    return sign_in.begin()


def finish_in_another_browser(sign_in: SignIn) -> Result:
    app = sign_in.make_app()
    return Visitor(app, origin=WEBAPP).get(Visitor(app, origin=WEBAPP).go_to_provider())


def claim_another_audience(sign_in: SignIn) -> Result:
    sign_in.provider.changes = {"aud": "another client"}
    return sign_in.begin()


def take_the_address(sign_in: SignIn) -> Result:
    sign_in.connection.execute("INSERT INTO users (email) VALUES (%s)", [sign_in.provider.person["email"]])
    return sign_in.begin(REGISTRATION="automatic")


def disable(sign_in: SignIn) -> Result:
    Visitor(sign_in.make_app(), origin=WEBAPP).register()
    sign_in.connection.execute("UPDATE users SET disabled_at = now()")
    return sign_in.begin()


def change_the_secret(sign_in: SignIn) -> Result:
    sign_in.provider.client_secret = "changed at the provider"  # of this test alone
    return sign_in.begin()


CAUSES: dict[str, Callable[[SignIn], Result]] = {
    "access_denied": deny,
    "provider_unavailable": fail_at_the_provider,
    "invalid_state": finish_in_another_browser,
    "invalid_token": claim_another_audience,
    "email_not_verified": lambda sign_in: sign_in.with_person(email_verified=False),
    "email_taken": take_the_address,
    "domain_not_allowed": lambda sign_in: sign_in.begin(ALLOWED_EMAIL_DOMAINS="organisation.example"),
    "registration_closed": lambda sign_in: sign_in.begin(REGISTRATION="closed"),
    "account_disabled": disable,
    "oauth_failed": change_the_secret,
}


@pytest.mark.parametrize("code", ENTRIES)
def test_a_sign_in_fails_with_the_code_on_the_page(
    code: str,
    provider: OpenIDProvider,
    connection: psycopg.Connection[Any],
    make_app: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    answer = CAUSES[code](SignIn(provider, connection, make_app))
    assert answer.headers["location"] == f"{WEBAPP}/auth/login?error={code}"
    [failure] = [vars(record) for record in caplog.records if vars(record).get("event") == "sign_in_failed"]
    assert failure["code"] == code
    assert failure["cause"]


def test_the_page_has_all_that_are_brought_about_here() -> None:
    assert set(ENTRIES) == set(CAUSES)
