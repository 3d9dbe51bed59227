"""API tokens: made once, shown once, hashed at rest, good for reading alone."""

import hashlib
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app.accounts.credentials import api_token_hash, is_api_token, new_api_token
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def token(visitor: Visitor) -> str:
    """A token of the visitor's, who has just registered."""
    visitor.register()
    created = visitor.post("/auth/tokens", json={"name": "ci"})
    assert created.status_code == 201
    return str(created.json["token"])


@pytest.fixture
def script(app: Any) -> Visitor:
    """Somebody without cookies and without an Origin."""
    return Visitor(app)


def test_a_token_is_shown_once_and_kept_as_a_hash(visitor: Visitor, connection: Connection) -> None:
    visitor.register()
    created = visitor.post("/auth/tokens", json={"name": " ci ", "expires_in_days": 30}).json
    assert set(created) == {"id", "name", "token", "created_at", "expires_at"}
    assert created["name"] == "ci"
    assert re.fullmatch(r"cbt_[0-9a-f]{72}", created["token"])
    (listed,) = visitor.get("/auth/tokens").json["tokens"]
    assert listed == {key: value for key, value in created.items() if key != "token"} | {"last_used_at": None}
    read = "SELECT token_hash, expires_at - created_at = '30 days' FROM api_tokens"
    digest = hashlib.sha256(created["token"].encode()).digest()
    assert connection.execute(read).fetchone() == (digest, True)


def test_a_token_without_a_limit_does_not_expire(visitor: Visitor, token: str) -> None:
    assert visitor.get("/auth/tokens").json["tokens"][0]["expires_at"] is None
    assert visitor.get("/auth/session", headers=bearer(token)).json["expires_at"] is None


def test_a_bearer_reads_what_its_owner_may(visitor: Visitor, script: Visitor, token: str) -> None:
    user = visitor.get("/auth/user").json
    assert script.get("/auth/user", headers=bearer(token)).json == user
    session = script.get("/auth/session", headers=bearer(token)).json
    assert (session["authenticated"], session["registered"], session["user"]) == (True, True, user)
    sessions = script.get("/auth/sessions", headers=bearer(token)).json["sessions"]
    assert [session["current"] for session in sessions] == [False]
    assert len(script.get("/auth/tokens", headers=bearer(token)).json["tokens"]) == 1
    assert script.request("HEAD", "/auth/verify?anyone=1", headers=bearer(token)).status_code == 200
    assert script.get("/auth/user", headers={"Authorization": f"bearer  {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/register"),
        ("POST", "/auth/logout"),
        ("DELETE", "/auth/sessions/1"),
        ("POST", "/auth/sessions/revoke-others"),
        ("PATCH", "/auth/user"),
        ("DELETE", "/auth/user"),
        ("POST", "/auth/tokens"),
        ("DELETE", "/auth/tokens/1"),
        ("POST", "/auth/verify"),
        ("PUT", "/auth/session"),
    ],
)
def test_a_bearer_changes_nothing_even_with_its_owners_cookie(
    visitor: Visitor, script: Visitor, token: str, method: str, path: str
) -> None:
    for caller in (script, visitor):
        refused = caller.request(method, path, headers=bearer(token))
        assert (refused.status_code, refused.json["code"]) == (403, "bearer_not_allowed")
    assert visitor.is_signed_in


def test_the_bearer_counts_when_a_cookie_comes_with_it(
    app: Any, provider: OpenIDProvider, visitor: Visitor, token: str
) -> None:
    owner = visitor.get("/auth/user").json["id"]
    provider.reset()
    other = Visitor(app, origin=WEBAPP)
    other.register()
    assert other.get("/auth/user", headers=bearer(token)).json["id"] == owner
    assert other.get("/auth/user", headers=bearer("cbt_x")).status_code == 401
    assert other.get("/auth/session", headers=bearer("cbt_x")).json["authenticated"] is False


def test_other_schemes_leave_it_to_the_cookie(visitor: Visitor) -> None:
    visitor.register()
    for value in ("Basic dXNlcjpwYXNz", "", "Bearer-ish x"):
        assert visitor.get("/auth/user", headers={"Authorization": value}).status_code == 200


def spoilt(token: str) -> list[str]:
    digit = "0" if token[20] != "0" else "1"
    return [
        "",
        token[:-1],
        token + "0",
        token[:20] + digit + token[21:],
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        token.upper(),
        f"{token} {token}",
        "cbt_" + "0" * 72,
        secrets.token_hex(38),
        "cbt_" + "é" * 72,
    ]


def test_what_was_mistyped_or_cut_off_costs_no_query(
    script: Visitor, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked the database")

    monkeypatch.setattr("app.database.queries.Queries.find_api_token", refuse)
    for wrong in spoilt(token):
        refused = script.get("/auth/user", headers=bearer(wrong.encode().decode("latin-1")))
        # Without the prefix it is another application's.
        is_ours = wrong.startswith("cbt_")
        code, challenge = (
            ("invalid_token", 'Bearer error="invalid_token"') if is_ours else ("not_signed_in", "Bearer")
        )
        assert (refused.status_code, refused.json["code"]) == (401, code), wrong
        assert refused.headers["www-authenticate"] == challenge


def test_a_guess_is_refused(script: Visitor, token: str) -> None:
    assert is_api_token(token)
    assert script.get("/auth/user", headers=bearer(new_api_token())).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_tokens SET expires_at = now()",
        "DELETE FROM api_tokens",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM users",
    ],
)
def test_a_token_dies_with_its_time_its_row_and_its_owner(
    script: Visitor, token: str, connection: Connection, change: str
) -> None:
    assert script.get("/auth/verify?anyone=1", headers=bearer(token)).status_code == 200
    connection.execute(change)
    assert script.get("/auth/verify?anyone=1", headers=bearer(token)).status_code == 401
    assert script.get("/auth/session", headers=bearer(token)).json["authenticated"] is False


def test_tokens_are_revoked_by_their_owner_alone(
    app: Any, provider: OpenIDProvider, visitor: Visitor, script: Visitor, token: str
) -> None:
    path = f"/auth/tokens/{visitor.get('/auth/tokens').json['tokens'][0]['id']}"
    provider.reset()
    stranger = Visitor(app, origin=WEBAPP)
    stranger.register()
    for wrong in (path, "/auth/tokens/x"):
        refused = stranger.delete(wrong)
        assert (refused.status_code, refused.json["code"]) == (404, "token_not_found")
    assert script.get("/auth/verify?anyone=1", headers=bearer(token)).status_code == 200
    assert visitor.delete(path).status_code == 204
    assert script.get("/auth/verify?anyone=1", headers=bearer(token)).status_code == 401
    assert visitor.delete(path).status_code == 404


def test_twenty_tokens_a_user_however_many_ask_at_once(visitor: Visitor, app: Any) -> None:
    visitor.register()

    def create(number: int) -> int:
        tab = Visitor(app, origin=WEBAPP)
        tab.cookies = dict(visitor.cookies)
        answer = tab.post("/auth/tokens", json={"name": f"token {number}"})
        assert answer.status_code == 201 or answer.json["code"] == "too_many_tokens"
        return answer.status_code

    with ThreadPoolExecutor(8) as tabs:
        statuses = list(tabs.map(create, range(28)))
    assert (statuses.count(201), statuses.count(422)) == (20, 8)
    listed = visitor.get("/auth/tokens").json["tokens"]
    assert len(listed) == 20
    visitor.delete(f"/auth/tokens/{listed[5]['id']}")
    assert create(99) == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": None},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\tb"},
        {"name": "ci", "expires_in_days": 0},
        {"name": "ci", "expires_in_days": 3651},
        {"name": "ci", "expires_in_days": True},
        {"name": "ci", "expires_in_days": 1.5},
        {"name": "ci", "expires_in_days": "30"},
        {"name": "ci", "expires_in_days": 10**30},
        {"name": "ci", "scope": "all"},
    ],
)
def test_what_no_token_can_be_is_refused(visitor: Visitor, body: object) -> None:
    visitor.register()
    refused = visitor.post("/auth/tokens", json=body)
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_field")


def test_tokens_are_for_registered_people(visitor: Visitor) -> None:
    for path, method in (("/auth/tokens", "GET"), ("/auth/tokens", "POST"), ("/auth/tokens/1", "DELETE")):
        assert visitor.request(method, path).status_code == 401
    visitor.sign_in()
    for path, method in (("/auth/tokens", "GET"), ("/auth/tokens", "POST"), ("/auth/tokens/1", "DELETE")):
        refused = visitor.request(method, path)
        assert (refused.status_code, refused.json["code"]) == (403, "not_registered")


COUNT_WRITES = """
    CREATE TABLE writes (token_id uuid);
    CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO writes VALUES (NEW.id); RETURN NEW; END $$;
    CREATE TRIGGER count_writes AFTER UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION count_write();
"""


def test_ten_thousand_uses_are_noted_once(
    visitor: Visitor, app: Any, token: str, connection: Connection
) -> None:
    connection.execute(COUNT_WRITES)

    def use(_: int) -> int:
        return Visitor(app).get("/auth/verify?anyone=1", headers=bearer(token)).status_code

    with ThreadPoolExecutor(4) as scripts:
        assert set(scripts.map(use, range(10_000))) == {200}
    assert connection.execute("SELECT count(*) FROM writes").fetchone() == (1,)
    noted = visitor.get("/auth/tokens").json["tokens"][0]["last_used_at"]
    assert noted

    connection.execute("UPDATE api_tokens SET last_used_at = last_used_at - interval '61 seconds'")
    use(0)
    assert connection.execute("SELECT count(*) FROM writes").fetchone() == (3,)
    assert visitor.get("/auth/tokens").json["tokens"][0]["last_used_at"] > noted


def test_tokens_outlive_a_rotation_of_the_secret(
    make_app: Callable[..., Any], token: str, connection: Connection
) -> None:
    rotated = Visitor(make_app(SESSION_SECRET="n" * 32))
    assert rotated.get("/auth/user", headers=bearer(token)).status_code == 200
    assert connection.execute("SELECT token_hash FROM api_tokens").fetchone() == (api_token_hash(token),)
