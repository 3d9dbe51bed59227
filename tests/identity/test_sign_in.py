"""Signing in against a real provider: the way there, the way back, and what a session is afterwards."""

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor


def test_a_new_person_registers_and_is_known(visitor: Visitor, provider: OpenIDProvider) -> None:
    callback = visitor.sign_in("/settings")
    assert (callback.status_code, callback.headers["location"]) == (303, f"{WEBAPP}/auth/register")

    session = visitor.get("/auth/session").json
    assert session["authenticated"] is True
    assert session["registered"] is False
    assert session["user"] == {
        "id": None,
        "email": provider.person["email"],
        "name": "Ada Lovelace",
        "picture": "https://example.com/ada.png",
        "groups": [],
    }

    pending_token = visitor.cookies["session"]
    registered = visitor.post("/auth/register", json={"name": "Ada"})
    assert registered.status_code == 201
    assert registered.json["name"] == "Ada"
    assert visitor.cookies["session"] != pending_token

    session = visitor.get("/auth/session").json
    assert session["registered"] is True
    assert session["user"] == registered.json
    assert visitor.post("/auth/register", json={}).status_code == 409


def test_a_known_person_returns_to_where_they_wanted(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.post("/auth/register")
    visitor.cookies.clear()
    assert visitor.sign_in("/settings?tab=1").headers["location"] == f"{WEBAPP}/settings?tab=1"
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/dashboard"
