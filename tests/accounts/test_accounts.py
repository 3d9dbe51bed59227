"""One's own account: seen, changed, deleted."""

from typing import Any

import psycopg
import pytest

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]
ROWS_LEFT = """
    SELECT (SELECT count(*) FROM identities WHERE user_id = %s)
         + (SELECT count(*) FROM sessions WHERE user_id = %s)
         + (SELECT count(*) FROM api_tokens WHERE user_id = %s)
"""


def test_an_account_is_what_the_session_says_of_it(visitor: Visitor) -> None:
    user_id = visitor.register()
    user = visitor.get("/auth/user").json
    assert user == visitor.get("/auth/session").json["user"]
    assert user["id"] == user_id
    assert set(user) == {"id", "email", "name", "picture", "groups"}


def test_a_change_leaves_the_other_fields(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    before = visitor.get("/auth/user").json
    changed = visitor.patch("/auth/user", json={"name": "  Augusta King, Gräfin  "})
    assert (changed.status_code, changed.json) == (200, before | {"name": "Augusta King, Gräfin"})
    picture = "https://example.com/a%20b.png?x=1"
    assert visitor.patch("/auth/user", json={"picture": picture}).json["picture"] == picture
    assert visitor.get("/auth/session").json["user"]["name"] == "Augusta King, Gräfin"
    assert connection.execute("SELECT updated_at > created_at FROM users").fetchone() == (True,)


def test_null_empties_a_field(visitor: Visitor) -> None:
    visitor.register()
    visitor.patch("/auth/user", json={"picture": "https://example.com/a.png"})
    emptied = visitor.patch("/auth/user", json={"picture": None})
    assert (emptied.status_code, emptied.json["picture"]) == (200, None)
    assert emptied.json["name"]


def test_an_empty_change_changes_nothing(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    assert visitor.patch("/auth/user", json={}).json == visitor.get("/auth/user").json
    assert connection.execute("SELECT updated_at = created_at FROM users").fetchone() == (True,)


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 201},
        {"name": 1},
        {"name": "a\nb"},
        {"picture": "http://example.com/a.png"},
        {"picture": "javascript:alert(1)"},
        {"picture": "https://" + "x" * 2000},
        {"picture": ""},
        {"email": "eve@example.com"},
        {"id": "1"},
        {"name": "Ada", "disabled_at": None},
        [],
        "Ada",
    ],
)
def test_what_no_profile_may_hold_is_refused_whole(visitor: Visitor, body: object) -> None:
    visitor.register()
    before = visitor.get("/auth/user").json
    refused = visitor.patch("/auth/user", json=body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_field")
    assert visitor.get("/auth/user").json == before


def test_deleting_an_account_deletes_all_its_rows(
    app: Any, visitor: Visitor, connection: Connection, provider: OpenIDProvider
) -> None:
    user_id = visitor.register()
    assert visitor.post("/auth/tokens", json={"name": "ci"}).status_code == 201
    elsewhere = Visitor(app, origin=WEBAPP)
    elsewhere.sign_in()
    person = dict(provider.person)
    provider.reset()
    stranger = Visitor(app, origin=WEBAPP)
    stranger.register()

    gone = visitor.delete("/auth/user")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "session" not in visitor.cookies
    assert not elsewhere.is_signed_in
    assert stranger.is_signed_in
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    assert connection.execute(ROWS_LEFT, [user_id] * 3).fetchone() == (0,)

    provider.person = person
    assert visitor.register() != user_id


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_an_account_is_its_owners_alone(visitor: Visitor, method: str) -> None:
    anonymous = visitor.request(method, "/auth/user")
    assert anonymous.status_code == 401
    visitor.sign_in()
    assert visitor.request(method, "/auth/user").status_code == 403


def test_an_account_deleted_meanwhile_cannot_be_changed(
    app: Any, visitor: Visitor, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.register()
    find = "app.resources.account.read_object"
    monkeypatch.setattr(find, lambda *_, **__: connection.execute("DELETE FROM users") and {"name": "Ada"})
    refused = visitor.patch("/auth/user", json={"name": "Ada"})
    assert (refused.status_code, refused.json["code"]) == (401, "not_signed_in")
