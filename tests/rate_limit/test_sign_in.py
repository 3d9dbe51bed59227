"""An office behind one address signs in on Monday morning."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor, authorize

MakeApp = Callable[..., Any]
LIMIT = {"RATE_LIMIT_SIGN_IN": "3/day"}


def begins(app: Any, **headers: str) -> int:
    """The status of one more login from this address."""
    return Visitor(app).get("/auth/login", headers=headers).status_code


def test_who_finishes_what_they_began_spends_nothing(make_app: MakeApp, provider: OpenIDProvider) -> None:
    app = make_app(**LIMIT)
    for number in range(20):
        provider.person |= {"sub": f"person-{number}", "email": f"{number}@example.com"}
        assert Visitor(app, origin=WEBAPP).sign_in().status_code == 303
    assert [begins(app) for _ in range(4)] == [302, 302, 302, 429]


def test_the_same_callback_again_gives_nothing_back(make_app: MakeApp) -> None:
    app = make_app(**LIMIT, REGISTRATION="automatic")
    visitor = Visitor(app)
    assert begins(app) == 302
    callback = visitor.go_to_provider()
    assert [visitor.get(callback).status_code for _ in range(5)] == [303] * 5
    assert [begins(app) for _ in range(3)] == [302, 302, 429]


@pytest.mark.parametrize(
    "change",
    [
        {"email_verified": False},
        {"email": "x@not-allowed.example"},
        {"nonce": "another"},
    ],
)
def test_a_refused_one_gives_nothing_back(
    make_app: MakeApp, provider: OpenIDProvider, change: dict[str, Any]
) -> None:
    app = make_app(**LIMIT, ALLOWED_EMAIL_DOMAINS="example.com")
    provider.changes |= change
    assert "error=" in Visitor(app).sign_in().headers["location"]
    assert [begins(app) for _ in range(3)] == [302, 302, 429]


def test_one_that_is_finished_elsewhere_gives_nothing_back_there(make_app: MakeApp) -> None:
    app = make_app(**LIMIT)
    here, there = {"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-For": "203.0.113.9"}
    visitor = Visitor(app)
    login = visitor.get("/auth/login", headers=here)
    assert begins(app, **there) == 302
    assert visitor.get(authorize(login.headers["location"]), headers=there).status_code == 303
    assert [begins(app, **there) for _ in range(3)] == [302, 302, 429]
    assert [begins(app, **here) for _ in range(3)] == [302, 302, 429]


def test_linking_an_identity_gives_nothing_back(make_app: MakeApp, provider: OpenIDProvider) -> None:
    app = make_app(**LIMIT, REGISTRATION="automatic")
    visitor = Visitor(app, origin=WEBAPP)
    visitor.sign_in()
    assert [begins(app) for _ in range(2)] == [302, 302]
    provider.person |= {"sub": "another", "email": "another@example.com"}
    asked = visitor.post("/auth/identities", json={"provider": "oidc"})
    assert asked.status_code == 200
    assert visitor.get(authorize(asked.json["authorization_url"])).status_code == 303
    assert [begins(app) for _ in range(2)] == [302, 429]


def test_the_mark_of_a_client_says_nothing_about_it(make_app: MakeApp) -> None:
    app = make_app()
    marks = []
    for address in ("198.51.100.7", "198.51.100.7", "198.51.100.8"):
        visitor = Visitor(app)
        visitor.get("/auth/login", headers={"X-Forwarded-For": address})
        [cookie] = visitor.cookies.values()
        marks.append(cookie.split(".")[4])
    assert len(marks[0]) == 12
    assert marks[0] == marks[1] != marks[2]
