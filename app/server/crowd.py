"""Chooses the connections that a crowded worker closes to make room for new ones."""

import time

from app.server.connection import Connection

CROWDED_SECONDS = 1.0
"""How long a connection may stand still while there is hardly any room."""
MAX_HELD = 128 * 1024 * 1024
"""Bytes of requests that are not complete, of all connections of a worker."""


def choose_closable(connections: list[Connection], most: int) -> list[Connection]:
    """The connections to close, so that at most `most` stay: kept ones first, the longest idle first."""
    staying = [conn for conn in connections if not conn.is_cut]
    if len(staying) <= most:
        return []
    latest = time.monotonic() - CROWDED_SECONDS
    idle = [
        conn for conn in staying if conn.is_waiting and (is_between_requests(conn) or conn.since <= latest)
    ]
    idle.sort(key=lambda conn: (not is_between_requests(conn), conn.since))
    # A few more than necessary, so that the next clients need no sorting.
    return idle[: len(staying) - most * 19 // 20]


def choose_holding(connections: list[Connection], most: int = MAX_HELD) -> list[Connection]:
    """The connections to close, so that at most `most` bytes wait for more: the longest waiting first."""
    waiting = [conn for conn in connections if conn.received and conn.is_waiting and not conn.is_cut]
    excess = sum(len(conn.received) for conn in waiting) - most
    waiting.sort(key=lambda conn: conn.since)
    chosen = []
    while excess > 0 and waiting:
        chosen.append(waiting.pop(0))
        excess -= len(chosen[-1].received)
    return chosen


def is_between_requests(conn: Connection) -> bool:
    """Whether the client expects that the connection may be closed (RFC 9112, section 9.5)."""
    return conn.is_kept and not conn.received and not conn.unsent
