"""A registered person's session, put straight into the database."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

import psycopg
from psycopg.types.json import Jsonb

from app.accounts.credentials import Keyring, new_token
from tests.support.log_watch import WATCH
from tests.support.service import PRODUCTION

INSERT = """
    WITH person AS (
        INSERT INTO users (email, name, groups) VALUES (%(email)s, 'Ada Lovelace', %(groups)s) RETURNING id
    )
    INSERT INTO sessions (token_hash, user_id, idle_expires_at, expires_at)
    SELECT %(token_hash)s, id, now() + %(lifetime)s, now() + %(lifetime)s FROM person
"""
INSERT_PENDING = """
    INSERT INTO sessions (token_hash, pending_identity, idle_expires_at, expires_at)
    VALUES (%(token_hash)s, %(identity)s, now() + %(lifetime)s, now() + %(lifetime)s)
"""


def insert_live_session(
    database_url: str, *, pending: str | None = None, groups: Sequence[str] = ()
) -> dict[str, str]:
    """The headers that a signed-in browser sends to a service in production.

    Args:
        database_url: of a migrated database.
        pending: the subject of somebody not registered yet; without it the session is a new user's.
        groups: that user's.
    """
    token = new_token()
    identity = {
        "issuer": "https://issuer.example",
        "subject": pending,
        "email": f"{pending}@example.com",
        "name": None,
        "picture": None,
    }
    parameters = {
        "email": f"{secrets.token_hex(4)}@example.com",
        "token_hash": Keyring(PRODUCTION["SESSION_SECRET"]).token_hash(token),
        "lifetime": timedelta(days=1),
        "identity": Jsonb(identity),
        "groups": sorted(groups),
    }
    WATCH.secret("session token", token)
    WATCH.email(parameters["email"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(INSERT_PENDING if pending else INSERT, parameters)
    return {"Cookie": f"__Host-session={token}", "Origin": PRODUCTION["WEBAPP_URL"]}
