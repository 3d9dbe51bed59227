"""People who go on using the service, know who they are, and remember what they were promised."""

import itertools
import json
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import psycopg

from app.accounts.credentials import Keyring, new_token
from tests.support.log_watch import WATCH
from tests.support.service import PRODUCTION
from tests.support.steady_load import Request, Response

INSERT = """
    WITH person AS (INSERT INTO users (email, name) VALUES (%(email)s, %(name)s) RETURNING id),
    added AS (
        INSERT INTO sessions (token_hash, user_id, idle_expires_at, expires_at)
        SELECT token_hash, id, now() + %(lifetime)s, now() + %(lifetime)s
        FROM person, unnest(%(token_hashes)s::bytea[]) AS token_hash
    )
    SELECT id FROM person
"""
SPARE_SESSIONS = 20
"""Sessions of each person that end while the load goes on."""
JSON = {"Content-Type": "application/json"}


class Person:
    """Somebody signed in, at several browsers and with API tokens; one request after the other.

    A round has ten requests: /health twice, /auth/session three times, /auth/verify with the cookie and with
    an API token, a token made, one deleted, and one session ended.

    Attributes:
        kept: ids of tokens whose making was acknowledged, and whose deletion was never asked for.
        deleted: ids of tokens whose deletion was acknowledged.
        signed_out: hashes of session tokens whose end was acknowledged.
    """

    def __init__(self, connection: psycopg.Connection[Any], keyring: Keyring) -> None:
        self._name = f"Person {secrets.token_hex(8)}"
        self._email = f"{secrets.token_hex(8)}@example.com"
        self._keyring = keyring
        self._sessions = deque(new_token() for _ in range(1 + SPARE_SESSIONS))
        self._tokens: deque[tuple[str, str]] = deque()
        for token in self._sessions:
            WATCH.secret("session token", token)
        WATCH.email(self._email)
        parameters = {
            "email": self._email,
            "name": self._name,
            "token_hashes": [keyring.token_hash(token) for token in self._sessions],
            "lifetime": timedelta(days=1),
        }
        row: Any = connection.execute(INSERT, parameters).fetchone()
        self._user_id = str(row[0])
        self._cookie = _cookie(self._sessions.popleft())
        self._script = self._rounds()
        self._answer: Response | None = None
        self._wrong = ""
        self.kept: set[str] = set()
        self.deleted: set[str] = set()
        self.signed_out: set[bytes] = set()
        self._next = next(self._script)

    def ask(self) -> Request:
        return self._next

    def judge(self, response: Response | None) -> str:
        self._answer = response
        self._wrong = "" if response is None else _fault_of(response)
        self._next = next(self._script)
        return self._wrong

    def _rounds(self) -> Iterator[Request]:
        """Each request; what follows it judges the answer."""
        for _ in itertools.count():
            yield from self._look_alive()
            yield from self._be_recognised()
            yield from self._be_verified(self._cookie)
            yield from self._make_a_token()
            yield from self._be_recognised()
            yield from self._use_a_token()
            yield from self._look_alive()
            yield from self._sign_out_somewhere()
            yield from self._be_recognised()
            yield from self._delete_a_token()

    def _look_alive(self) -> Iterator[Request]:
        yield Request("GET", "/health")
        if self._got(200):
            self._expect(self._json().get("status"), "ok")

    def _be_recognised(self) -> Iterator[Request]:
        yield Request("GET", "/auth/session", self._cookie)
        if self._got(200):
            self._expect(self._json()["authenticated"], due=True)
            self._expect(self._json()["user"], self._media())

    def _be_verified(self, credentials: Mapping[str, str]) -> Iterator[Request]:
        yield Request("GET", "/auth/verify?anyone=1", credentials)
        if self._got(200) and self._answer:
            self._expect(self._answer.headers.get("X-Auth-User-Id"), self._user_id)
            self._expect(self._answer.headers.get("X-Auth-Email"), self._email)

    def _make_a_token(self) -> Iterator[Request]:
        name = secrets.token_hex(4)
        yield Request("POST", "/auth/tokens", self._cookie | JSON, json.dumps({"name": name}).encode())
        if self._got(201):
            made = self._json()
            self._expect(made["name"], name)
            WATCH.secret("API token", made["token"])
            self._tokens.append((made["id"], made["token"]))
            self.kept.add(made["id"])

    def _use_a_token(self) -> Iterator[Request]:
        if not self._tokens:
            yield from self._look_alive()
            return
        _, token = self._tokens[-1]
        yield from self._be_verified({"Authorization": f"Bearer {token}"})

    def _sign_out_somewhere(self) -> Iterator[Request]:
        if not self._sessions:
            yield from self._look_alive()
            return
        token = self._sessions.popleft()
        yield Request("POST", "/auth/logout", _cookie(token))
        if self._got(204):
            self.signed_out.add(self._keyring.token_hash(token))

    def _delete_a_token(self) -> Iterator[Request]:
        """All but the last two: there may be twenty, and those that nobody acknowledged count."""
        if len(self._tokens) < 3:
            yield from self._look_alive()
            return
        token_id, _ = self._tokens.popleft()
        self.kept.discard(token_id)
        yield Request("DELETE", f"/auth/tokens/{token_id}", self._cookie)
        if self._got(204):
            self.deleted.add(token_id)

    def _media(self) -> dict[str, object]:
        return {"id": self._user_id, "email": self._email, "name": self._name, "picture": None, "groups": []}

    def _got(self, status: int) -> bool:
        """Whether there is an answer to look at; another status than this, or one above 500, is wrong."""
        if self._answer is None or self._answer.status >= 500:
            return False
        self._expect(self._answer.status, status)
        return self._answer.status == status

    def _json(self) -> Any:
        assert self._answer
        return json.loads(self._answer.body)

    def _expect(self, found: object, due: object) -> None:
        if found != due:
            self._wrong = f"{found!r} instead of {due!r}"


def make_people(database_url: str, count: int = 50) -> list[Person]:
    """New people, each of them with sessions.

    Args:
        database_url: of a migrated database.
        count: how many.
    """
    keyring = Keyring(PRODUCTION["SESSION_SECRET"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        return [Person(connection, keyring) for _ in range(count)]


def lost_rows(database_url: str, people: list[Person]) -> list[str]:
    """A sentence for each acknowledged write that the database does not have."""
    with psycopg.connect(database_url) as connection:
        tokens = {str(row[0]) for row in connection.execute("SELECT id FROM api_tokens").fetchall()}
        ended = {
            bytes(row[0])
            for row in connection.execute("SELECT token_hash FROM sessions WHERE revoked_at IS NOT NULL")
        }
    return [
        *(f"token {token} was made and is gone" for person in people for token in person.kept - tokens),
        *(f"token {token} is there after all" for person in people for token in person.deleted & tokens),
        *("a session ended and is alive" for person in people for _ in person.signed_out - ended),
    ]


def _cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"__Host-session={token}", "Origin": PRODUCTION["WEBAPP_URL"]}


def _fault_of(response: Response) -> str:
    """A 5xx may say that there is no answer now, and must say no more."""
    if response.status < 500:
        return ""
    if "Set-Cookie" in response.headers:
        return "a cookie beside an error"
    # Without a problem it is a proxy's own.
    if response.headers.get_content_type() == "application/problem+json":
        code = json.loads(response.body)["code"]
        return "" if (response.status, code) == (503, "database_unavailable") else f"{response.status} {code}"
    return ""
