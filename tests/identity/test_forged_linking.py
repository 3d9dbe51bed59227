"""Nobody links for somebody else, and nobody finishes what somebody else began."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from falcon.testing import Result

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Owners = dict[str, set[tuple[str, str]]]


@pytest.fixture
def app(make_app: Callable[..., Any], two: dict[str, str]) -> Any:
    return make_app(**two)


@pytest.fixture
def ada(app: Any, provider: OpenIDProvider) -> Visitor:
    return member(app, provider, "ada")


@pytest.fixture
def eve(app: Any, ada: Visitor, provider: OpenIDProvider) -> Visitor:
    """Somebody else with an account, who is at the provider now."""
    return member(app, provider, "eve")


def member(app: Any, provider: OpenIDProvider, name: str) -> Visitor:
    """Registers somebody with the provider `oidc`."""
    provider.person |= {"sub": name, "email": f"{name}@example.com"}
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register(provider="oidc")
    return visitor


def owners(connection: Connection) -> Owners:
    """The identities of each account, by its address."""
    found: Owners = {}
    query = "SELECT u.email, issuer, subject FROM users u JOIN identities ON user_id = u.id"
    for email, issuer, subject in connection.execute(query):
        found.setdefault(email, set()).add((issuer, subject))
    return found


def error_of(answer: Result) -> str:
    """The code that a callback ends with; empty where it went well."""
    return parse_qs(urlsplit(answer.headers["location"]).query).get("error", [""])[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=str,
)
def test_a_forged_request_removes_nothing(
    ada: Visitor, connection: Connection, headers: dict[str, str]
) -> None:
    ada.get(ada.begin_link("other"))
    before = owners(connection)
    identity = ada.get("/auth/identities").json["identities"][0]["id"]
    ada.origin = None
    answer = ada.delete(f"/auth/identities/{identity}", headers=headers)
    assert answer.status_code == 403
    assert answer.json["code"] in {"origin_not_allowed", "cross_site_request"}
    assert owners(connection) == before


def test_a_form_or_a_link_begins_nothing(ada: Visitor, other: OpenIDProvider) -> None:
    for media_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": media_type}
        answer = ada.post("/auth/identities", headers=headers, body='{"provider":"other"}')
        assert (answer.status_code, answer.cookies) == (415, {})
    assert not ada.get("/auth/identities?provider=other").cookies
    assert not other.visits


def test_an_api_token_links_and_removes_nothing(app: Any, ada: Visitor) -> None:
    identity = ada.get("/auth/identities").json["identities"][0]["id"]
    token = ada.post("/auth/tokens", json={"name": "script"}).json["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for one in (Visitor(app), ada):
        assert one.post("/auth/identities", json={"provider": "other"}, headers=bearer).status_code == 403
        assert one.delete(f"/auth/identities/{identity}", headers=bearer).status_code == 403


def test_signing_in_with_another_identity_links_nothing(ada: Visitor, connection: Connection) -> None:
    """Whoever signs in where somebody is signed in is who the provider says."""
    before = owners(connection)
    assert ada.sign_in(provider="other").headers["location"] == f"{WEBAPP}/auth/register"
    assert owners(connection) == before
    assert ada.get("/auth/session").json["registered"] is False


def test_nobody_can_be_sent_to_the_end_of_anothers_linking(
    app: Any, ada: Visitor, eve: Visitor, connection: Connection
) -> None:
    before = owners(connection)
    path = eve.begin_link("other")
    for victim in (ada, Visitor(app)):
        assert error_of(victim.get(path)) == "invalid_state"
    ada.begin_link("other")
    assert error_of(ada.get(path)) == "invalid_state"
    assert owners(connection) == before


def test_a_code_of_anothers_linking_is_worth_nothing(
    ada: Visitor, eve: Visitor, connection: Connection
) -> None:
    before = owners(connection)
    code = parse_qs(urlsplit(eve.begin_link("other")).query)["code"][0]
    state = parse_qs(urlsplit(ada.begin_link("other")).query)["state"][0]
    assert error_of(ada.get(f"/auth/callback/other?code={code}&state={state}")) == "oauth_failed"
    assert owners(connection) == before


def sign_out(visitor: Visitor) -> None:
    visitor.post("/auth/logout")


def sign_in_again(visitor: Visitor) -> None:
    visitor.sign_in(provider="oidc")


def leave(visitor: Visitor) -> None:
    assert visitor.delete("/auth/user").status_code == 204


@pytest.mark.parametrize("end", [sign_out, sign_in_again, leave])
def test_the_session_that_asked_must_live_until_the_end(
    ada: Visitor, connection: Connection, end: Callable[[Visitor], None]
) -> None:
    path = ada.begin_link("other")
    end(ada)
    before = owners(connection)
    assert error_of(ada.get(path)) == "invalid_state"
    assert owners(connection) == before


def test_what_somebody_began_the_next_in_the_same_browser_does_not_finish(
    ada: Visitor, eve: Visitor, connection: Connection
) -> None:
    path = ada.begin_link("other")
    ada.cookies["session"] = eve.cookies["session"]
    before = owners(connection)
    assert error_of(ada.get(path)) == "invalid_state"
    assert owners(connection) == before


def test_of_two_people_who_link_the_same_identity_at_once_one_gets_it(
    ada: Visitor, eve: Visitor, connection: Connection
) -> None:
    paths = [one.begin_link("other") for one in (ada, eve)]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(Visitor.get, (ada, eve), paths))
    assert sorted(error_of(answer) for answer in answers) == ["", "identity_taken"]
    assert sorted(len(identities) for identities in owners(connection).values()) == [1, 2]


def test_what_a_member_links_meanwhile_a_newcomer_cannot_register(
    app: Any, ada: Visitor, connection: Connection
) -> None:
    newcomer = Visitor(app, origin=WEBAPP)
    newcomer.sign_in(provider="other")
    assert not error_of(ada.get(ada.begin_link("other")))
    before = owners(connection)
    refused = newcomer.post("/auth/register")
    assert (refused.status_code, refused.json["code"]) == (409, "already_registered")
    assert owners(connection) == before


def test_an_error_joins_the_query_of_the_place_to_go_back_to(ada: Visitor, eve: Visitor) -> None:
    ada.get(ada.begin_link("other"))
    answer = eve.get(eve.begin_link("other", "/settings?tab=1&error=old"))
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["tab"] == ["1"]
    assert query["error"][-1] == "identity_taken"
