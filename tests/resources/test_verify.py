"""What a proxy is told about the requests it asks about."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pytest

from app.accounts.credentials import new_api_token
from app.database.queries import Queries
from app.models import TokenUse
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

VERIFY = "/auth/verify?anyone=1"
SHARED = {
    "API_URL": "https://api.example.com",
    "WEBAPP_URL": "https://app.example.com",
    "COOKIE_DOMAIN": "example.com",
}
NAVIGATION = {
    "Sec-Fetch-Mode": "navigate",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "files.example.com",
    "X-Forwarded-Uri": "/reports/2026?page=2&q=a%20b",
}
EMPTY = {"x-auth-user-id": "", "x-auth-email": "", "x-auth-name": "", "x-auth-groups": ""}


@pytest.fixture
def sibling(make_app: Callable[..., Any]) -> Visitor:
    """Somebody in front of a page of a sibling host, not signed in."""
    return Visitor(make_app(**SHARED), origin=SHARED["WEBAPP_URL"])


def identity(result: Any) -> dict[str, str]:
    return {name: result.headers[name] for name in EMPTY}


@pytest.mark.parametrize("name", ["Ada Lovelace", "Åda Løvelace 🦊", '100%25 "Ada", <b>', "漢" * 200])
def test_a_user_is_named_in_ascii_that_decodes_to_what_it_was(visitor: Visitor, name: str) -> None:
    user_id = visitor.register()
    visitor.patch("/auth/user", json={"name": name})
    verified = visitor.get(VERIFY)
    assert (verified.status_code, verified.content) == (200, b"")
    headers = identity(verified)
    assert headers["x-auth-user-id"] == user_id
    assert headers["x-auth-email"] == visitor.get("/auth/user").json["email"]
    assert headers["x-auth-name"].isascii()
    assert unquote(headers["x-auth-name"]) == name


def test_a_plain_name_stays_as_it_is_and_none_is_empty(visitor: Visitor) -> None:
    visitor.register()
    visitor.patch("/auth/user", json={"name": "Ada, Countess of Lovelace"})
    assert identity(visitor.get(VERIFY))["x-auth-name"] == "Ada, Countess of Lovelace"
    visitor.patch("/auth/user", json={"name": None})
    assert identity(visitor.get(VERIFY))["x-auth-name"] == ""


def test_every_refusal_empties_the_identity_whatever_the_client_wrote(
    visitor: Visitor, connection: psycopg.Connection[Any]
) -> None:
    forged = {"X-Auth-User-Id": "1", "X-Auth-Email": "root@example.com", "X-Auth-Name": "root"}
    anonymous = visitor.get(VERIFY, headers=forged)
    assert (anonymous.status_code, identity(anonymous)) == (401, EMPTY)
    visitor.sign_in()
    unregistered = visitor.get(VERIFY, headers=forged)
    assert (unregistered.status_code, identity(unregistered)) == (403, EMPTY)
    connection.execute("ALTER TABLE users RENAME TO gone")
    failed = visitor.get(VERIFY, headers=forged)
    assert (failed.status_code, identity(failed)) == (500, EMPTY)


def test_a_page_leads_to_sign_in_and_back(sibling: Visitor) -> None:
    answer = sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION)
    assert (answer.status_code, identity(answer)) == (302, EMPTY)
    location = answer.headers["location"]
    assert location.startswith("https://api.example.com/auth/login?")
    page = "https://files.example.com/reports/2026?page=2&q=a%20b"
    assert parse_qs(urlsplit(location).query)["return_to"] == [page]
    sibling.register()
    parts = urlsplit(location)
    assert sibling.sign_in(parts.query.removeprefix("return_to=")).headers["location"] == page
    assert sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION).status_code == 200


def test_somebody_new_registers_first_and_then_opens_the_page_again(sibling: Visitor) -> None:
    location = sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION).headers["location"]
    wanted = urlsplit(location).query.removeprefix("return_to=")
    assert sibling.sign_in(wanted).headers["location"] == f"{SHARED['WEBAPP_URL']}/auth/register"
    assert sibling.post("/auth/register").status_code == 201
    assert sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Forwarded-Host": "example.com.evil.example"},
        {"X-Forwarded-Host": "evil.example/.example.com"},
        {"X-Forwarded-Host": "user@files.example.com"},
        {"X-Forwarded-Host": "files.example.com:0"},
        {"X-Forwarded-Host": "files.example.com:65536"},
        {"X-Forwarded-Host": ""},
        {"X-Forwarded-Proto": "http"},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Uri": "//evil.example"},
        {"X-Forwarded-Uri": "/\\evil.example"},
        {"X-Forwarded-Uri": "/%2f%2fevil.example"},
        {"X-Forwarded-Uri": ".evil.example/"},
    ],
)
def test_sign_in_leads_back_to_no_other_place(sibling: Visitor, changes: dict[str, str]) -> None:
    answer = sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION | changes)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://api.example.com/auth/login")


def test_without_a_shared_cookie_there_is_no_way_back(visitor: Visitor) -> None:
    answer = visitor.get(VERIFY + "&redirect=1", headers=NAVIGATION)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://localhost:3000/auth/login")


@pytest.mark.parametrize(
    "changes",
    [
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Mode": "websocket"},
        {"X-Forwarded-Method": "POST"},
        {"Authorization": "Bearer cbt_x"},
    ],
)
def test_what_is_no_page_of_a_browser_gets_the_plain_refusal(
    sibling: Visitor, changes: dict[str, str]
) -> None:
    assert sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION | changes).status_code == 401
    assert sibling.get(VERIFY, headers=NAVIGATION).status_code == 401


def test_a_proxy_that_passes_on_no_redirect_gets_the_same_location_with_a_401(sibling: Visitor) -> None:
    redirect = sibling.get(VERIFY + "&redirect=1", headers=NAVIGATION)
    refusal = sibling.get(VERIFY + "&redirect=401", headers=NAVIGATION)
    assert (refusal.status_code, identity(refusal)) == (401, EMPTY)
    assert refusal.headers["location"] == redirect.headers["location"]
    fetched = sibling.get(VERIFY + "&redirect=401", headers=NAVIGATION | {"Sec-Fetch-Mode": "cors"})
    assert (fetched.status_code, fetched.headers.get("location")) == (401, None)
    assert "location" not in sibling.get(VERIFY, headers=NAVIGATION).headers


def test_a_session_planted_beside_ones_own_is_not_left_alone_there(
    sibling: Visitor, provider: OpenIDProvider
) -> None:
    sibling.register()
    own = sibling.cookies["__Secure-session"]
    provider.reset()
    sibling.register()
    both = f"__Secure-session={own}; __Secure-session={sibling.cookies['__Secure-session']}"
    verified = sibling.get(VERIFY, headers={"Cookie": both})
    assert verified.status_code == 401
    assert not verified.cookies


def test_an_old_browser_is_known_by_what_it_accepts(sibling: Visitor) -> None:
    old = {name: value for name, value in NAVIGATION.items() if name != "Sec-Fetch-Mode"}
    page = sibling.get(VERIFY + "&redirect=1", headers=old | {"Accept": "text/html,*/*;q=0.8"})
    image = sibling.get(VERIFY + "&redirect=1", headers=old | {"Accept": "image/png,*/*"})
    assert (page.status_code, image.status_code) == (302, 401)


def test_a_successful_verify_costs_nothing_and_a_failed_one_soon_too_much(
    make_app: Callable[..., Any],
) -> None:
    app = make_app(RATE_LIMIT="200/day", RATE_LIMIT_NOT_FOUND="10/day")
    visitor = Visitor(app, origin="http://localhost:5173")
    visitor.register()
    # A page of 60 assets, four times, which is more than the limit of 200.
    answers = [visitor.get(VERIFY) for _ in range(240)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["ratelimit"].split(";")[1] for answer in answers}) <= 2

    stranger = Visitor(app)
    statuses = [stranger.get(VERIFY).status_code for _ in range(60)]
    assert statuses == [401] * 10 + [429] * 50
    # The same address, and yet not the guest's fault.
    assert visitor.get(VERIFY).status_code == 200


def test_people_who_are_sent_to_sign_in_are_not_taken_for_guessers(make_app: Callable[..., Any]) -> None:
    stranger = Visitor(make_app(**SHARED, RATE_LIMIT="20/day", RATE_LIMIT_NOT_FOUND="3/day"))
    pages = [stranger.get(VERIFY + "&redirect=1", headers=NAVIGATION) for _ in range(25)]
    assert [page.status_code for page in pages] == [302] * 20 + [429] * 5
    assert "location" not in pages[-1].headers


def test_a_guesser_is_soon_refused_without_a_query(
    make_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[bytes] = []
    find = Queries.find_api_token

    def count(self: Queries, *, token_hash: bytes, note_interval: timedelta) -> TokenUse | None:
        queries.append(token_hash)
        return find(self, token_hash=token_hash, note_interval=note_interval)

    monkeypatch.setattr(Queries, "find_api_token", count)
    guesser = Visitor(make_app(RATE_LIMIT="20/day", RATE_LIMIT_NOT_FOUND="5/day"))
    statuses = [
        guesser.get(VERIFY, headers={"Authorization": f"Bearer {new_api_token()}"}).status_code
        for _ in range(50)
    ]
    assert statuses == [401] * 5 + [429] * 45
    assert len(queries) == 20


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Origin": "https://evil.example"}),
        ("GET", {"Content-Length": "70000"}),
        ("POST", {"Authorization": "Bearer x"}),
        ("POST", {}),
        ("OPTIONS", {}),
        ("BREW", {}),
    ],
)
def test_no_refusal_is_free(make_app: Callable[..., Any], method: str, headers: dict[str, str]) -> None:
    stranger = Visitor(make_app(RATE_LIMIT="3/day"))
    answers = [stranger.request(method, VERIFY, headers=headers) for _ in range(5)]
    assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True] * 2
    assert [identity(answer) for answer in answers] == [EMPTY] * 5
    assert not {"location", "www-authenticate"} & set(answers[-1].headers)


def test_a_protected_page_may_send_to_its_own_host_and_no_other_page_may(sibling: Visitor) -> None:
    sibling.register()
    own = NAVIGATION | {"X-Forwarded-Method": "POST", "Origin": "https://files.example.com"}
    passed = sibling.get(VERIFY, headers=own)
    assert passed.status_code == 200
    assert not [name for name in passed.headers if name.lower().startswith("access-control")]
    assert sibling.get(VERIFY, headers=own | {"X-Forwarded-Proto": "wss"}).status_code == 200
    for origin in ("https://evil.example", "http://files.example.com", "https://other.example.com", "null"):
        refused = sibling.get(VERIFY, headers=own | {"Origin": origin})
        assert (refused.status_code, refused.json["code"]) == (403, "origin_not_allowed")


def test_a_page_that_hides_its_host_sends_nothing(sibling: Visitor) -> None:
    sibling.register()
    for origin in ("null", "", "https://files.example.com."):
        own = NAVIGATION | {"X-Forwarded-Method": "POST", "Origin": origin}
        assert sibling.get(VERIFY, headers=own).json["code"] == "origin_not_allowed"


def test_no_other_path_takes_a_proxys_word_for_an_origin(sibling: Visitor) -> None:
    sibling.register()
    own = NAVIGATION | {"Origin": "https://files.example.com"}
    assert sibling.get("/auth/user", headers=own).status_code == 403
    assert sibling.post("/auth/sessions/revoke-others", headers=own).status_code == 403
    assert sibling.request("OPTIONS", VERIFY, headers=own).status_code == 403
