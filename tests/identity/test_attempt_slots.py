"""Where a browser keeps its open attempts: four cookies, whatever it opens and whoever wrote them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.identity.attempt_slots import SLOTS
from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.support.visitor import Visitor, authorize

HTTPS = {"API_URL": "https://api.example.com", "WEBAPP_URL": "https://app.example.com"}
LONG = {
    "path-and-query": "/" + "a" * 150 + "?" + "q" * 449,
    "path": "/" + "a" * 599,
    "two-thousand-characters": "/reports?" + "q" * 1991,
    "encoded": "/" + "日" * 66,
    "cookie-separators": "/" + ";,=" * 199,
    "sibling-host": "https://docs.example.com/" + "a" * 575,
}


def test_two_tabs_do_not_break_each_other(visitor: Visitor) -> None:
    first, second = visitor.go_to_provider("/first"), visitor.go_to_provider("/second")
    assert "session" in visitor.get(second).cookies
    visitor.post("/auth/register")
    assert visitor.get(first).headers["location"].endswith("/first")
    assert list(visitor.cookies) == ["session"]


def test_four_tabs_restored_at_once_get_places_of_their_own(app: Any) -> None:
    """Each of them sends its request before it has the others' cookies."""
    tabs = [Visitor(app, origin=WEBAPP) for _ in SLOTS]
    start = Barrier(len(tabs))

    def restored(tab: Visitor) -> str:
        start.wait()
        return str(tab.get("/auth/login").headers["location"])

    with ThreadPoolExecutor(len(tabs)) as threads:
        paths = [authorize(url) for url in threads.map(restored, tabs)]
    browser = {name: value for tab in tabs for name, value in tab.cookies.items()}
    assert sorted(browser) == list(SLOTS)
    for path in paths:
        one = Visitor(app, origin=WEBAPP)
        one.cookies = dict(browser)
        assert "session" in one.get(path).cookies


@pytest.mark.parametrize("logins", [4, 5, 9, 20])
def test_many_logins_leave_the_newest_four_attempts(visitor: Visitor, refusal: Refusal, logins: int) -> None:
    paths = [visitor.go_to_provider() for _ in range(logins)]
    assert sorted(visitor.cookies) == list(SLOTS)
    newest = dict(visitor.cookies)
    for path in paths[:-4]:
        refusal.check(visitor.get(path), "invalid_state", "no such attempt")
    for path in paths[-4:]:
        visitor.cookies = dict(newest)
        assert "session" in visitor.get(path).cookies


def test_a_finished_attempt_makes_room_before_any_other_is_displaced(visitor: Visitor) -> None:
    paths = [visitor.go_to_provider(f"/{number}") for number in range(4)]
    visitor.get(paths.pop(2))
    visitor.post("/auth/register")
    paths.append(visitor.go_to_provider("/4"))
    for path, number in zip(paths, (0, 1, 3, 4), strict=True):
        assert visitor.get(path).headers["location"] == f"{WEBAPP}/{number}"


@pytest.mark.parametrize("return_to", LONG.values(), ids=LONG)
def test_attempts_with_long_ways_back_stay_below_four_kibibytes(
    make_app: Callable[..., Any], return_to: str
) -> None:
    visitor = Visitor(make_app(**HTTPS, COOKIE_DOMAIN="example.com"))
    for _ in range(12):
        path = visitor.go_to_provider(quote(return_to, safe=""))
        assert len("; ".join(f"{name}={value}" for name, value in visitor.cookies.items())) < 4096
    assert sorted(visitor.cookies) == [f"__Host-{name}" for name in SLOTS]
    assert "__Secure-session" in visitor.get(path).cookies


def test_there_is_room_for_what_an_attempt_may_come_to_hold(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(**HTTPS))
    visitor.go_to_provider("/" + "a" * 599)
    ((name, value),) = visitor.cookies.items()
    # Four of them and a session in 4 KiB, also where the provider's name has 32 characters in place of 4.
    assert len(f"{name}={value}; ") + 28 <= (4096 - 64) / 4


def test_attempts_that_are_not_ours_go_first(visitor: Visitor) -> None:
    paths = [visitor.go_to_provider()]
    (ours,) = visitor.cookies
    visitor.cookies |= {name: "not-ours" for name in SLOTS if name != ours}
    paths += [visitor.go_to_provider() for _ in range(3)]
    assert sorted(visitor.cookies) == list(SLOTS)
    opened = dict(visitor.cookies)
    for path in paths:
        visitor.cookies = dict(opened)
        assert "session" in visitor.get(path).cookies


def test_an_attempt_sent_twice_is_refused(visitor: Visitor, refusal: Refusal) -> None:
    path = visitor.go_to_provider()
    ((name, cookie),) = visitor.cookies.items()
    answer = visitor.get(path, headers={"Cookie": f"{name}={cookie}; {name}={cookie}"})
    refusal.check(answer, "invalid_state", "no such attempt")


def test_an_attempt_is_found_under_whichever_name_it_has(visitor: Visitor) -> None:
    for name in SLOTS:
        visitor.cookies.clear()
        path = visitor.go_to_provider()
        visitor.cookies = dict.fromkeys([name], visitor.cookies.popitem()[1])
        assert "session" in visitor.get(path).cookies
        assert name not in visitor.cookies


@pytest.mark.parametrize(
    "cookies",
    [
        "sign-in-a b=1; sign-in-\x7f=2; sign-in-\xe9=3; sign-in-[x]=4; sign-in-,=5",
        "sign-in-=1; sign-in-%0d%0a=2; sign-in-'=3; sign-in-!#$&=4; sign-in-|~=5",
        "; ".join(f"sign-in-{number}=x" for number in range(300)),
        '=; ;;; sign-in-1="unclosed; \\"; sign-in-2',
        "; ".join(f"{name}=\xe9.1.\xff." for name in SLOTS),
        "; ".join(f"{name}={'9' * 5000}.a.b.c" for name in SLOTS),
    ],
    ids=["illegal-names", "odd-names", "hundreds", "malformed", "not-ascii", "long-numbers"],
)
def test_hostile_cookies_do_not_hinder_a_login(visitor: Visitor, cookies: str) -> None:
    answer = visitor.get("/auth/login", headers={"Cookie": cookies})
    assert (answer.status_code, len(answer.cookies)) == (302, 1)
    state = parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]
    assert (
        visitor.get(f"/auth/callback/oidc?code=x&state={state}", headers={"Cookie": cookies}).status_code
        == 303
    )
