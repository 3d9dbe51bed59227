"""Who may enter, as the URL that the proxy asks says."""

import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from app.database.queries import Queries
from tests.resources.test_verify import EMPTY, NAVIGATION, SHARED, identity
from tests.support.visitor import Visitor

PREFLIGHT = {
    **NAVIGATION,
    "X-Forwarded-Method": "OPTIONS",
    "Origin": "https://evil.example",
    "Access-Control-Request-Method": "PUT",
    "Sec-Fetch-Mode": "cors",
}


@pytest.fixture
def sibling(make_app: Callable[..., Any]) -> Visitor:
    return Visitor(make_app(**SHARED), origin=SHARED["WEBAPP_URL"])


def put_into(connection: psycopg.Connection[Any], *groups: str) -> None:
    """The one user there is."""
    connection.execute("UPDATE users SET groups = %s", [sorted(groups)])


@pytest.mark.parametrize(
    "query", ["", "?redirect=1", "?redirect=401", "?groups=", "?groups=,%20,", "?anyone=0", "?preflight=1"]
)
def test_without_a_rule_nobody_enters_and_nothing_is_looked_up(
    sibling: Visitor, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    sibling.register()
    monkeypatch.delattr(Queries, "find_session")
    for headers in (NAVIGATION, PREFLIGHT, {"Authorization": f"Bearer cbt_{'0' * 72}"}):
        refused = sibling.get(f"/auth/verify{query}", headers=headers)
        assert (refused.status_code, refused.json["code"]) == (403, "no_rule")
        assert "?groups=" in refused.json["detail"]
        assert identity(refused) == EMPTY


ADMITTING = (
    "groups=staff",
    "groups=finance,staff",
    "groups=finance&groups=staff",
    "groups=finance%2Cstaff",
    "groups=finance,%20staff",
    "groups=staff%20",
    f"groups={quote('R&D 100% Ü+🦊')}",
    "groups=finance&anyone=1",
    "groups=&anyone=1",
)
REFUSING = ("groups=finance", "groups=STAFF", "groups=staf", "groups=staff%00", "groups=finance&anyone=true")


@pytest.fixture
def member(sibling: Visitor, connection: psycopg.Connection[Any]) -> Visitor:
    """Of two groups."""
    sibling.register()
    put_into(connection, "staff", "R&D 100% Ü+🦊")
    return sibling


@pytest.mark.parametrize("query", ADMITTING)
def test_members_of_any_of_the_groups_enter_and_are_named_with_theirs(member: Visitor, query: str) -> None:
    answer = member.get(f"/auth/verify?{query}", headers=NAVIGATION)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["x-auth-groups"] == "R&D 100%25 %C3%9C+%F0%9F%A6%8A,staff"


@pytest.mark.parametrize("query", REFUSING)
def test_everybody_else_does_not(member: Visitor, query: str) -> None:
    answer = member.get(f"/auth/verify?{query}", headers=NAVIGATION)
    assert (answer.status_code, answer.json["code"]) == (403, "not_in_group")
    assert identity(answer) == EMPTY


def test_whoever_is_taken_out_of_a_group_is_out_at_the_next_request(
    sibling: Visitor, connection: psycopg.Connection[Any]
) -> None:
    sibling.register()
    put_into(connection, "staff")
    assert sibling.get("/auth/verify?groups=staff").status_code == 200
    put_into(connection)
    assert sibling.get("/auth/verify?groups=staff").status_code == 403


def test_who_may_not_enter_is_told_who_they_are_and_what_they_can_do(
    sibling: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    sibling.register()
    email = sibling.get("/auth/user").json["email"]
    with caplog.at_level(logging.INFO):
        page = sibling.get("/auth/verify?groups=staff&redirect=1", headers=NAVIGATION)
    assert vars(caplog.records[-1])["code"] == "not_in_group"
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert identity(page) == EMPTY
    assert email in page.text
    [login] = re.findall(r'href="([^"]+)"', page.text)
    query = parse_qs(urlsplit(login.replace("&amp;", "&")).query)
    assert query == {
        "prompt": ["select_account"],
        "return_to": ["https://files.example.com/reports/2026?page=2&q=a%20b"],
    }
    assert re.findall(r'action="([^"]+)"', page.text) == ["https://api.example.com/auth/logout"]
    assert "<script" not in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    asked = sibling.get(login.replace("&amp;", "&").removeprefix("https://api.example.com"))
    # The provider does not say what it knows, and each must know this one.
    assert parse_qs(urlsplit(asked.headers["location"]).query)["prompt"] == ["login"]


def test_an_address_on_the_page_is_text(sibling: Visitor, connection: psycopg.Connection[Any]) -> None:
    sibling.register()
    connection.execute("""UPDATE users SET email = '"><script>alert(1)</script>@example.com'""")
    page = sibling.get("/auth/verify?groups=staff&redirect=1", headers=NAVIGATION)
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("redirect", "changes"),
    [
        ("", {}),
        ("&redirect=401", {}),
        ("&redirect=1", {"Sec-Fetch-Mode": "cors"}),
        ("&redirect=1", {"X-Forwarded-Method": "POST"}),
    ],
)
def test_programs_get_a_problem_instead_of_the_page(
    sibling: Visitor, redirect: str, changes: dict[str, str]
) -> None:
    sibling.register()
    refused = sibling.get(f"/auth/verify?groups=staff{redirect}", headers=NAVIGATION | changes)
    assert (refused.status_code, refused.json["code"]) == (403, "not_in_group")


def test_a_form_of_a_sibling_host_signs_out_and_one_of_elsewhere_does_not(sibling: Visitor) -> None:
    sibling.register()
    form = {"Sec-Fetch-Mode": "navigate", "Content-Type": "application/x-www-form-urlencoded"}
    for origin in (
        "https://evil.example",
        "https://evilexample.com",
        "https://example.com.evil.example",
        "http://files.example.com",
        "null",
    ):
        assert sibling.post("/auth/logout", headers=form | {"Origin": origin}).status_code == 403
    assert sibling.is_signed_in
    answer = sibling.post("/auth/logout", headers=form | {"Origin": "https://files.example.com"})
    assert (answer.status_code, answer.headers["location"]) == (303, "https://app.example.com")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert not sibling.is_signed_in


def test_without_a_shared_cookie_no_other_host_signs_anybody_out(visitor: Visitor) -> None:
    visitor.register()
    for origin in ("https://files.example.com", "https://files.None", "https://None"):
        assert visitor.post("/auth/logout", headers={"Origin": origin}).status_code == 403
    assert visitor.is_signed_in


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x",
        "Bearer",
        "Bearer CBT_x",
        "Basic Y2J0Xzo=",
        "Digest cbt_x",
        "cbt_x",
    ],
)
def test_the_applications_own_authorization_counts_as_none(
    sibling: Visitor, app: Any, authorization: str
) -> None:
    sibling.register()
    headers = {"Authorization": authorization}
    assert sibling.get("/auth/verify?anyone=1", headers=headers).status_code == 200
    assert sibling.patch("/auth/user", headers=headers, json={"name": "Ada"}).status_code == 200
    refused = Visitor(app).get("/auth/verify?anyone=1", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (401, "not_signed_in")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_bad_api_token_beside_a_cookie_is_refused_and_exempts_from_nothing(sibling: Visitor) -> None:
    sibling.register()
    for token in ("cbt_", "cbt_x", f"cbt_{'0' * 72}"):
        headers = {"Authorization": f"Bearer {token}"}
        refused = sibling.get("/auth/verify?anyone=1", headers=headers)
        assert (refused.status_code, refused.json["code"]) == (401, "invalid_token")
        sibling.origin = None
        assert sibling.post("/auth/token", headers=headers).json["code"] == "cross_site_request"
        sibling.origin = SHARED["WEBAPP_URL"]


def test_people_who_are_known_are_not_taken_for_guessers(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(**SHARED, RATE_LIMIT="20/day", RATE_LIMIT_NOT_FOUND="3/day"))
    visitor.origin = SHARED["WEBAPP_URL"]
    visitor.register()
    statuses = [visitor.get("/auth/verify?groups=staff").status_code for _ in range(25)]
    assert statuses[:10] == [403] * 10
    assert statuses[-5:] == [429] * 5


def test_decisions_are_counted_by_their_outcome(
    make_app: Callable[..., Any],
) -> None:
    app = make_app(**SHARED)
    guest = Visitor(app, origin=SHARED["WEBAPP_URL"])
    for query in ("", "?anyone=1", "?anyone=1&redirect=1", "?anyone=1&redirect=401"):
        guest.get(f"/auth/verify{query}", headers=NAVIGATION)
    guest.get("/auth/verify?anyone=1", headers={"Authorization": "Bearer cbt_x"})
    guest.get("/auth/verify?anyone=1&preflight=1", headers=PREFLIGHT)
    guest.get("/auth/verify?anyone=1", headers={"Origin": "https://evil.example"})
    guest.sign_in()
    guest.get("/auth/verify?anyone=1")
    guest.post("/auth/register")
    for query in ("anyone=1", "groups=staff", "groups=staff&redirect=1"):
        guest.get(f"/auth/verify?{query}", headers=NAVIGATION)
    counted = dict(
        re.findall(r'verify_decisions_total{outcome="(\w+)"} (\d+)', Visitor(app).get("/metrics").text)
    )
    assert {outcome: int(count) for outcome, count in counted.items()} == {
        "allowed": 1,
        "preflight": 1,
        "no_rule": 1,
        "origin_not_allowed": 1,
        "not_signed_in": 3,
        "invalid_token": 1,
        "not_registered": 1,
        "not_in_group": 2,
        "unavailable": 0,
    }
