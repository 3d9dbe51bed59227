"""Every query file reaches the tables that grow through an index."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.service import ROOT

FOLDER = ROOT / "sql" / "queries"
FILES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.sql"))
ROWS = 20_000
GROWING = {"users", "identities", "sessions", "api_tokens"}
# Sessions of sixty days: a session lives for thirty, and the purge leaves it for thirty more.
FILL = f"""
    INSERT INTO users (id, email, name)
    SELECT md5(n::text)::uuid, n || '@example.com', 'Person ' || n FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO identities (issuer, subject, user_id)
    SELECT 'https://accounts.google.com', n, md5(n::text)::uuid FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO api_tokens (user_id, slot, name, token_hash)
    SELECT md5(n::text)::uuid, 1, 'ci', sha256(n::text::bytea) FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO sessions (id, token_hash, user_id, created_at, last_seen_at, idle_expires_at, expires_at)
    SELECT md5(n::text)::uuid, sha256(n::text::bytea), md5(n::text)::uuid, began, began,
           began + interval '7 days', began + interval '30 days'
    FROM generate_series(1, {ROWS}) AS n,
         LATERAL (SELECT now() - n * interval '60 days' / {ROWS}) AS moment (began);
    ANALYZE
"""  # noqa: S608  # numbers of our own

SOME_ID = UUID(bytes=bytes(16))
HASHES = [bytes(32), bytes(31) + b"1"]
PERIOD = timedelta(days=7)
CLIENT = {"ip": "192.0.2.1", "user_agent": "Firefox"}
LIFE = {"lifetime": timedelta(days=30), "idle_limit": PERIOD}
IDENTITY = {"issuer": "https://accounts.google.com", "subject": "7"}
LOGOUT = {"token_id": HASHES[0], "period": timedelta(minutes=2)}
WALK = {"after": datetime.now(UTC) - timedelta(days=20), "after_id": SOME_ID, "limit": 1000}

# A line for each file: parameters as a real call has them.
CASES: dict[str, dict[str, Any]] = {
    "delete_api_token": {"token_id": SOME_ID, "user_id": SOME_ID},
    "delete_user": {"user_id": SOME_ID},
    "find_api_token": {"token_hash": HASHES[0], "note_interval": PERIOD},
    "find_session": {"token_hashes": HASHES},
    "find_begun_session": {"token_hashes": HASHES, "state_hash": HASHES[0]},
    "find_registered_session": {"token_hashes": HASHES, "period": PERIOD},
    "insert_api_token": {
        "user_id": SOME_ID,
        "slots": 20,
        "name": "ci",
        "token_hash": HASHES[0],
        "lifetime": PERIOD,
    },
    "insert_session": {
        "token_hash": HASHES[0],
        "previous_token_hashes": HASHES,
        "user_id": None,
        "identity_id": None,
        "provider": "google",
        "sid": None,
        "pending_identity": Jsonb({}),
        "claimed_groups": [],
        "state_hash": HASHES[0],
        **LIFE,
        **CLIENT,
    },
    "insert_user": {
        "pending_session_id": SOME_ID,
        "needs_invitation": False,
        "token_hash": HASHES[0],
        "name": "Ada",
        "picture": None,
        **LIFE,
    },
    "list_api_tokens": {"user_id": SOME_ID},
    "list_migrations": {},
    "list_sessions": {"user_id": SOME_ID},
    "update_nothing": {},
    "update_other_sessions_revoked": {"user_id": SOME_ID, "session_id": SOME_ID, "reason": "revoked"},
    "update_session_of_user_revoked": {"user_id": SOME_ID, "session_id": SOME_ID, "reason": "revoked"},
    "update_sessions_revoked": {"token_hashes": HASHES, "reason": "signed_out"},
    "update_user": {
        "user_id": SOME_ID,
        "sets_name": True,
        "name": "Ada",
        "sets_picture": False,
        "picture": None,
    },
    "identities/delete_identity": {"identity_id": SOME_ID, "user_id": SOME_ID, "session_id": SOME_ID},
    "identities/find_account": IDENTITY,
    "identities/find_recent_session": {"session_id": SOME_ID, "period": PERIOD},
    "identities/insert_identity": {
        **IDENTITY,
        "email": "7@example.com",
        "groups": ["staff"],
        "session_id": SOME_ID,
        "token_hashes": HASHES,
        "token_hash": HASHES[0],
        "state_hash": HASHES[0],
        "idle_limit": PERIOD,
    },
    "identities/list_identities": {"user_id": SOME_ID},
    "identities/find_invitation": {**IDENTITY, "email": "7@example.com"},
    "identities/update_identity_used": {**IDENTITY, "email": "7@example.com", "groups": ["staff"]},
    "identities/update_sessions_of_sid_revoked": {"provider": "google", "sid": "7", **LOGOUT},
    "identities/update_sessions_of_subject_revoked": {
        **IDENTITY,
        **LOGOUT,
        "pending_lifetime": timedelta(hours=1),
    },
    "housekeeping/delete_ended_sessions": {**WALK, **LIFE, "older_than": timedelta(days=30)},
    "housekeeping/delete_expired_sessions": {**WALK, "older_than": timedelta(days=10)},
    "housekeeping/delete_user": {"user_id": SOME_ID},
    "housekeeping/find_user": {"user_id": None, "email": "7@example.com"},
    "housekeeping/delete_invitation": {"email": "7@example.com"},
    "housekeeping/insert_invitation": {"email": "7@example.com", "groups": ["staff"]},
    "housekeeping/list_invitations": {},
    "housekeeping/list_group_members": {"group": "staff"},
    "housekeeping/list_groups": {},
    "housekeeping/insert_identity": {**IDENTITY, "user_id": SOME_ID},
    "housekeeping/list_live_sessions": {"limit": 101},
    "housekeeping/list_user_api_tokens": {"user_id": SOME_ID},
    "housekeeping/list_user_identities": {"user_id": SOME_ID},
    "housekeeping/list_user_sessions": {"user_id": SOME_ID, "limit": 101},
    "housekeeping/list_users": {"search": None, "only_disabled": False, "limit": 101},
    "housekeeping/update_all_sessions_revoked": {**WALK, "began": None, "reason": "revoked_by_operator"},
    "housekeeping/update_sessions_revoked": {"session_ids": [SOME_ID], "reason": "revoked_by_operator"},
    "housekeeping/update_user_disabled": {"user_id": SOME_ID},
    "housekeeping/update_user_enabled": {"user_id": SOME_ID},
    "housekeeping/update_user_group_added": {"user_id": SOME_ID, "group": "staff", "limit": 200},
    "housekeeping/update_user_group_removed": {"user_id": SOME_ID, "group": "staff"},
    "housekeeping/update_user_sessions_revoked": {"user_id": SOME_ID, "reason": "revoked_by_operator"},
}
READ_WHOLE = {
    "housekeeping/list_group_members": {"users", "identities"},
    "housekeeping/list_groups": {"users", "identities"},
}
"""An operator's rare questions, for which no sign-in should pay with an index."""


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with (
        fresh_database(postgres, template=TEMPLATE) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(FILL.encode())
        yield connection


def whole_tables_read(connection: psycopg.Connection[Any], name: str) -> set[str]:
    """The growing tables that the planner, with its defaults, would read from end to end."""
    query = (FOLDER / f"{name}.sql").read_bytes()
    row = connection.execute(b"EXPLAIN (FORMAT JSON) " + query, CASES[name]).fetchone()
    assert row
    nodes = [row[0][0]["Plan"]]
    found: set[str] = set()
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Seq Scan" in node["Node Type"]:
            found.add(node["Relation Name"])
    return found & GROWING


def test_every_query_file_has_its_parameters_here() -> None:
    assert sorted(CASES) == FILES, "CASES in this file needs a line for each file in sql/queries"


@pytest.mark.parametrize("name", FILES)
def test_a_query_reaches_growing_tables_through_an_index(filled: psycopg.Connection[Any], name: str) -> None:
    if name not in CASES:
        pytest.fail(f"sql/queries/{name}.sql is new: add a line with its parameters to CASES")
    assert whole_tables_read(filled, name) <= READ_WHOLE.get(name, set())


def test_rows_of_a_deleted_user_are_found_through_an_index(filled: psycopg.Connection[Any]) -> None:
    # PostgreSQL looks for them itself, and EXPLAIN does not show how.
    without = """
        SELECT conrelid::regclass::text, conname
        FROM pg_constraint
        WHERE contype = 'f'
          AND NOT EXISTS (
              SELECT FROM pg_index
              WHERE indrelid = conrelid AND indkey[0] = conkey[1] AND indpred IS NULL AND indisvalid
          )
    """
    assert filled.execute(without).fetchall() == []
    keys = filled.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone()
    assert keys is not None
    assert keys[0] >= len(GROWING) - 1
