"""Whom a crowded worker closes, to have room for newcomers."""

import time

from app.server.connection import Connection

CROWDED_SECONDS = 1.0
"""How long a connection may stand still while there is hardly any room."""


def whom_to_close(connections: list[Connection], most: int) -> list[Connection]:
    """Whom to close, so that only so many stay, or a few less: kept ones first, the longest idle first."""
    staying = [conn for conn in connections if not conn.is_cut]
    if len(staying) <= most:
        return []
    latest = time.monotonic() - CROWDED_SECONDS
    idle = [
        conn for conn in staying if conn.is_waiting and (is_between_requests(conn) or conn.since <= latest)
    ]
    idle.sort(key=lambda conn: (not is_between_requests(conn), conn.since))
    # Some more at a time, so that not every newcomer makes us sort.
    return idle[: len(staying) - most * 19 // 20]


def is_between_requests(conn: Connection) -> bool:
    """Whether a client expects that its connection may end (RFC 9112, section 9.5)."""
    return conn.is_kept and not conn.received and not conn.unsent
