"""Who asks in Schemathesis' runs; it imports this as its hooks. Not a test.

ASKS_AS says who: `signed-in`, `bearer` or `nobody`. DATABASE_URL is the service's.
"""

import os
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import schemathesis
from psycopg.types.json import Jsonb
from schemathesis import AuthContext, Case, HookContext

from app.accounts.credentials import Keyring, api_token_hash, new_api_token, new_token
from tests.support.service import PRODUCTION

DAY = timedelta(days=1)
KEPT_TOKENS = 10
"""Of the 20 a user may have: enough for a chain of calls to find what it made."""

INSERT_USER = "INSERT INTO users (email, name) VALUES (%s, 'Ada Lovelace') RETURNING id"
INSERT_SESSION = """
    INSERT INTO sessions (token_hash, user_id, pending_identity, idle_expires_at, expires_at)
    VALUES (%s, %s, %s, now() + %s, now() + %s)
"""
INSERT_TOKEN = "INSERT INTO api_tokens (user_id, name, token_hash, slot) VALUES (%s, 'ci', %s, 20)"
FORGET_TOKENS = """
    DELETE FROM api_tokens WHERE id IN (
        SELECT id FROM api_tokens WHERE user_id = %s ORDER BY created_at DESC OFFSET %s
    )
"""


class People:
    """Puts people straight into the database: one for the whole run, others where a call would end that."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._keyring = Keyring(PRODUCTION["SESSION_SECRET"])
        self._user = self.new_user()

    def new_user(self) -> UUID:
        row = self._connection.execute(INSERT_USER, [f"{secrets.token_hex(8)}@example.com"]).fetchone()
        assert row
        return UUID(str(row[0]))

    def new_session(self, method: str, path: str) -> str:
        """The cookie of whoever can do this: a session of its own, as some calls end it."""
        if path == "/auth/register":
            return self._session(None)
        if (method, path) in {("DELETE", "/auth/user"), ("POST", "/auth/sessions/revoke-others")}:
            return self._session(self.new_user())
        return self._session(self._user)

    def make_room_for_a_token(self) -> None:
        self._connection.execute(FORGET_TOKENS, [self._user, KEPT_TOKENS])

    def new_api_token(self) -> str:
        token, user = new_api_token(), self.new_user()
        self._connection.execute(INSERT_TOKEN, [user, api_token_hash(token)])
        return token

    def _session(self, user: UUID | None) -> str:
        token, subject = new_token(), secrets.token_hex(8)
        pending = {
            "issuer": "i",
            "subject": subject,
            "email": f"{subject}@example.com",
            "name": None,
            "picture": None,
        }
        identity = None if user else Jsonb(pending)
        self._connection.execute(INSERT_SESSION, [self._keyring.token_hash(token), user, identity, DAY, DAY])
        return token


PEOPLE = People(os.environ["DATABASE_URL"])


@schemathesis.hook
def before_call(_context: HookContext, _case: Case[Any], kwargs: dict[str, Any]) -> None:
    PEOPLE.make_room_for_a_token()
    # A redirect is an answer; where it leads is no matter of this service's.
    kwargs["allow_redirects"] = False


if os.environ["ASKS_AS"] == "signed-in":

    @schemathesis.auth(refresh_interval=None)
    class SignedIn:
        def get(self, case: Case[Any], _context: AuthContext) -> str:
            return PEOPLE.new_session(case.method.upper(), case.operation.path)

        def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
            case.cookies["__Host-session"] = data
            case.headers["Origin"] = PRODUCTION["WEBAPP_URL"]


if os.environ["ASKS_AS"] == "bearer":

    @schemathesis.auth()
    class Bearer:
        def get(self, _case: Case[Any], _context: AuthContext) -> str:
            return PEOPLE.new_api_token()

        def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"
