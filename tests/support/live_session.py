"""A registered person's session, put straight into the database."""

import secrets
from datetime import timedelta

import psycopg

from app.credentials import Keyring, new_token
from tests.support.service import PRODUCTION

INSERT = """
    WITH person AS (INSERT INTO users (email, name) VALUES (%(email)s, 'Ada Lovelace') RETURNING id)
    INSERT INTO sessions (token_hash, user_id, idle_expires_at, expires_at)
    SELECT %(token_hash)s, id, now() + %(lifetime)s, now() + %(lifetime)s FROM person
"""


def insert_live_session(database_url: str) -> dict[str, str]:
    """The headers that a signed-in browser sends to a service in production."""
    token = new_token()
    parameters = {
        "email": f"{secrets.token_hex(4)}@example.com",
        "token_hash": Keyring(PRODUCTION["SESSION_SECRET"]).token_hash(token),
        "lifetime": timedelta(days=1),
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(INSERT, parameters)
    return {"Cookie": f"__Host-session={token}", "Origin": PRODUCTION["WEBAPP_URL"]}
