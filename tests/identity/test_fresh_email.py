"""An account's address follows the identity that it came from, as far as it is free."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str]) -> Any:
    return make_app(**two)


def email(visitor: Visitor) -> Any:
    return visitor.get("/auth/session").json["user"]["email"]


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO)
    return [vars(record)["event"] for record in caplog.records if hasattr(record, "event")]


def test_a_new_address_is_taken_over(
    ada: Visitor, provider: OpenIDProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.person["email"] = "New@Example.com"
    assert ada.sign_in(provider="oidc").headers["location"] == f"{WEBAPP}/dashboard"
    assert email(ada) == "new@example.com"
    assert ada.get("/auth/identities").json["identities"][0]["email"] == "new@example.com"
    assert events(caplog).count("email_changed") == 1
    ada.sign_in(provider="oidc")
    assert events(caplog).count("email_changed") == 1


def test_an_address_of_another_account_is_not(
    ada: Visitor, provider: OpenIDProvider, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    before = email(ada)
    connection.execute("INSERT INTO users (email) VALUES ('grace@example.com')")
    provider.person["email"] = "grace@example.com"
    assert ada.sign_in(provider="oidc").headers["location"] == f"{WEBAPP}/dashboard"
    assert email(ada) == before
    assert events(caplog).count("email_conflict") == 1
    connection.execute("DELETE FROM users WHERE email = 'grace@example.com'")
    ada.sign_in(provider="oidc")
    assert email(ada) == "grace@example.com"


def test_a_linked_identitys_address_is_not_the_accounts(ada: Visitor, other: OpenIDProvider) -> None:
    before = email(ada)
    ada.get(ada.begin_link("other"))
    other.person["email"] = "elsewhere@example.com"
    ada.sign_in(provider="other")
    assert email(ada) == before
    linked = ada.get("/auth/identities").json["identities"][1]
    assert linked["email"] == "elsewhere@example.com"


def test_once_the_first_identity_is_gone_the_address_follows_one_that_has_it(
    ada: Visitor, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    other.person["email"] = provider.person["email"]
    ada.get(ada.begin_link("other"))
    first = ada.get("/auth/identities").json["identities"][0]
    ada.delete(f"/auth/identities/{first['id']}")
    other.person["email"] = "new@example.com"
    ada.sign_in(provider="other")
    assert email(ada) == "new@example.com"


def test_once_the_address_is_nobodys_it_follows_the_identity_that_is_left(
    ada: Visitor, other: OpenIDProvider
) -> None:
    ada.get(ada.begin_link("other"))
    first = ada.get("/auth/identities").json["identities"][0]
    assert ada.delete(f"/auth/identities/{first['id']}").status_code == 204
    ada.sign_in(provider="other")
    assert email(ada) == other.person["email"]


def test_of_two_that_have_the_address_it_follows_the_older_one(
    ada: Visitor, provider: OpenIDProvider, other: OpenIDProvider
) -> None:
    other.person["email"] = provider.person["email"]
    ada.get(ada.begin_link("other"))
    other.person["sub"] = "another-account-there"
    ada.get(ada.begin_link("other"))
    first, *rest = ada.get("/auth/identities").json["identities"]
    assert len(rest) == 2
    ada.delete(f"/auth/identities/{first['id']}")
    other.person["email"] = "new@example.com"
    ada.sign_in(provider="other")
    assert email(ada) == provider.person["email"]


def test_an_address_that_is_not_verified_any_more_keeps_everybody_out(
    ada: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    before = email(ada)
    provider.changes = {"email": "new@example.com", "email_verified": False}
    refusal.check(ada.sign_in(provider="oidc"), "email_not_verified", "vouch", sessions=2)
    assert email(ada) == before


def test_a_disabled_account_keeps_its_address(
    ada: Visitor, provider: OpenIDProvider, connection: Connection
) -> None:
    before = provider.person["email"]
    connection.execute("UPDATE users SET disabled_at = now()")
    provider.person["email"] = "new@example.com"
    assert ada.sign_in(provider="oidc").headers["location"].endswith("account_disabled")
    assert connection.execute("SELECT email FROM users").fetchone() == (before,)
    assert connection.execute("SELECT email FROM identities").fetchone() == (before,)


def test_an_account_of_the_release_before_gets_its_address_too(
    ada: Visitor, provider: OpenIDProvider, connection: Connection
) -> None:
    connection.execute("UPDATE identities SET email = NULL, last_used_at = NULL")
    [identity] = ada.get("/auth/identities").json["identities"]
    assert (identity["email"], identity["last_used_at"]) == (provider.person["email"], None)
    provider.person["email"] = "new@example.com"
    ada.sign_in(provider="oidc")
    assert email(ada) == "new@example.com"


def test_a_given_up_address_is_free_for_whoever_has_it_now(
    app: Any, ada: Visitor, provider: OpenIDProvider
) -> None:
    given_up = provider.person["email"]
    provider.person["email"] = "new@example.com"
    ada.sign_in(provider="oidc")
    provider.person |= {"sub": "a-newcomer", "email": given_up}
    newcomer = Visitor(app, origin=WEBAPP)
    newcomer.sign_in(provider="oidc")
    assert newcomer.post("/auth/register").status_code == 201
    assert (email(ada), email(newcomer)) == ("new@example.com", given_up)


@pytest.mark.parametrize(
    "withdrawn",
    [{"email_verified": False}, {"email_verified": "true"}, {"email_verified": None}, {"email": None}],
    ids=str,
)
def test_a_withdrawn_address_changes_nothing_and_ends_no_session(
    ada: Visitor, provider: OpenIDProvider, connection: Connection, withdrawn: dict[str, Any]
) -> None:
    before = connection.execute("SELECT * FROM users").fetchall()
    provider.person |= {"email": "new@example.com"} | withdrawn
    answer = ada.sign_in(provider="oidc")
    assert answer.headers["location"] == f"{WEBAPP}/auth/login?error=email_not_verified"
    assert connection.execute("SELECT * FROM users").fetchall() == before
    assert ada.is_signed_in
