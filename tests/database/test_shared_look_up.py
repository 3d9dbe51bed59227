"""Look-ups at the same time share a statement, and everybody gets what is theirs."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import psycopg
import pytest
import requests
from prometheus_client import CollectorRegistry

from app.accounts.credentials import Keyring
from app.database.connection import DeadlineConnection, LookUp
from app.database.pool import Database
from app.database.shared_look_up import SharedLookUp
from app.errors import DatabaseUnavailableError
from app.settings.places import QUERIES_FOLDER
from app.telemetry.metrics import Metrics
from tests.support.live_session import insert_live_session
from tests.support.loop import Loop
from tests.support.service import PRODUCTION, Service

QUERY = b"SELECT key, 'row of ' || encode(key, 'hex') FROM unnest($1::bytea[]) AS key"
KEYS = [bytes([number]) * 32 for number in range(8)]
SQL = (QUERIES_FOLDER / "find_session.sql").read_text(encoding="utf-8")


class Desk:
    """Answers statements when the test says so.

    Attributes:
        asked: the keys of each statement so far.
        hung: statements wait for it.
        error: raised in place of an answer.
        faulty: a key whose row cannot be read.
    """

    def __init__(self, loop: Loop) -> None:
        self.asked: list[list[bytes]] = []
        self.hung = threading.Event()
        self.error: Exception | None = None
        self.faulty = b""
        self._hub = loop.hub
        self.shared = SharedLookUp(self.ask, hub=loop.hub)

    def ask(self, keys: Sequence[bytes]) -> list[tuple[Any, ...]]:
        self.asked.append(list(keys))
        self._hub.in_thread(self.hung.wait, 10)
        if self.error:
            raise self.error
        if self.faulty in keys:
            raise psycopg.DataError("a bad row")
        return [(key, f"row {key[0]}") for key in keys if key != KEYS[0]]

    def find(self, number: int) -> object:
        try:
            return self.shared.find(KEYS[number])
        except (DatabaseUnavailableError, psycopg.DataError) as error:
            return str(error)


@pytest.fixture
def desk(loop: Loop) -> Desk:
    return Desk(loop)


def start(loop: Loop, desk: Desk, *numbers: int) -> None:
    for number in numbers:
        loop.start(lambda number=number: desk.find(number))  # type: ignore[misc]


def test_who_comes_during_a_statement_shares_the_next_one(loop: Loop, desk: Desk) -> None:
    start(loop, desk, 1, 2, 0, 3, 3)
    assert desk.asked == [[KEYS[1]]]
    desk.hung.set()
    loop.run_until(lambda: len(loop.said) == 5)
    assert desk.asked == [[KEYS[1]], [KEYS[3], KEYS[2], KEYS[0], KEYS[3]]]
    rows = {number: (KEYS[number], f"row {number}") for number in (1, 2, 3)}
    assert sorted(map(str, loop.said)) == sorted(map(str, [rows[1], rows[2], None, rows[3], rows[3]]))


def test_afterwards_one_asks_alone_again(loop: Loop, desk: Desk) -> None:
    desk.hung.set()
    for number in (1, 2):
        start(loop, desk, number)
        loop.run_until(lambda number=number: len(loop.said) == number)  # type: ignore[misc]
    assert desk.asked == [[KEYS[1]], [KEYS[2]]]


def test_a_statement_that_fails_does_so_for_those_in_it_only(loop: Loop, desk: Desk) -> None:
    start(loop, desk, 1)
    desk.error = DatabaseUnavailableError("away")
    start(loop, desk, 2, 3)
    desk.hung.set()
    loop.run_until(lambda: len(loop.said) == 3)
    assert loop.said == ["away"] * 3
    desk.error = None
    start(loop, desk, 4)
    loop.run_until(lambda: len(loop.said) == 4)
    assert loop.said[-1] == (KEYS[4], "row 4")


def test_where_a_row_is_the_fault_each_asks_alone(loop: Loop, desk: Desk) -> None:
    start(loop, desk, 1)
    desk.faulty = KEYS[2]
    start(loop, desk, 2, 3, 4)
    desk.hung.set()
    loop.run_until(lambda: len(loop.said) == 4)
    assert sorted(map(str, loop.said)) == sorted(
        map(str, [(KEYS[1], "row 1"), "a bad row", (KEYS[3], "row 3"), (KEYS[4], "row 4")])
    )


def test_who_came_last_asks_for_all(loop: Loop, desk: Desk) -> None:
    start(loop, desk, 1, 2, 3)
    desk.hung.set()
    loop.run_until(lambda: len(loop.said) == 3)
    assert desk.asked == [[KEYS[1]], [KEYS[3], KEYS[2]]]


def test_nobody_waits_longer_for_anothers_statement_than_for_their_own(
    loop: Loop, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.shared_look_up.STATEMENT_DEADLINE", 0.1)
    start(loop, desk, 1, 2, 3)
    loop.run_until(lambda: len(loop.said) == 2)
    assert loop.said == ["no answer within 0.1 s"] * 2
    # They are not asked for any more, and the next one is.
    start(loop, desk, 4)
    desk.hung.set()
    loop.run_until(lambda: len(loop.said) == 4)
    assert desk.asked == [[KEYS[1]], [KEYS[4]]]


def test_threads_ask_by_themselves(desk: Desk) -> None:
    desk.hung.set()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(desk.find, [1, 2])) == [(KEYS[1], "row 1"), (KEYS[2], "row 2")]
    assert sorted(desk.asked) == [[KEYS[1]], [KEYS[2]]]


def test_a_connection_takes_and_gives_all_keys_at_once(loop: Loop, database_url: str) -> None:
    database = Database(url=database_url, metrics=Metrics(CollectorRegistry()), pool_max=1, hub=loop.hub)
    database.open()
    find = database.shared_look_up(LookUp(b"rows", QUERY))
    for key in KEYS:
        loop.start(lambda key=key: find(key))  # type: ignore[misc]
    loop.run_until(lambda: len(loop.said) == len(KEYS))
    database.close()
    assert sorted(loop.said) == [(key, f"row of {key.hex()}") for key in KEYS]  # type: ignore[type-var]


def test_a_look_up_that_failed_once_works_again(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE TABLE divisors AS SELECT 0 AS divisor")
    query = LookUp(b"quotients", b"SELECT key, 1 / divisor FROM unnest($1::bytea[]) AS key, divisors")
    with DeadlineConnection.connect(database_url, autocommit=True) as ours:
        with pytest.raises(psycopg.errors.DivisionByZero):
            ours.look_up(query, KEYS[:1])
        connection.execute("UPDATE divisors SET divisor = 1")
        assert ours.look_up(query, KEYS[:1]) == [(KEYS[0], 1)]


def test_a_migration_may_change_a_type_beneath_a_look_up(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE TABLE things AS SELECT 1 AS size")
    database = Database(url=database_url, metrics=Metrics(CollectorRegistry()), pool_max=1)
    database.open()
    find = database.shared_look_up(
        LookUp(b"sizes", b"SELECT key, size FROM unnest($1::bytea[]) AS key, things")
    )
    assert find(KEYS[0]) == (KEYS[0], 1)
    connection.execute("ALTER TABLE things ALTER size TYPE text")
    assert find(KEYS[0]) == (KEYS[0], "1")
    database.close()


def test_everybody_is_who_they_are(database_url: str, make_service: Callable[..., Service]) -> None:
    service = make_service(WEB_CONCURRENCY="2")
    service.wait_until_serving()
    people = [insert_live_session(database_url) for _ in range(30)]
    stranger = {"Cookie": f"__Host-session={'x' * 43}"}

    def email(headers: dict[str, str]) -> str | None:
        answer = requests.get(f"{service.url}/auth/session", headers=headers, timeout=30).json()
        return answer["user"]["email"] if answer["authenticated"] else None

    expected = [email(person) for person in people]
    assert len(set(expected)) == len(people)
    asked = list(islice(cycle([*people, stranger]), 600))
    with ThreadPoolExecutor(32) as clients:
        assert list(clients.map(email, asked)) == list(islice(cycle([*expected, None]), 600))


def test_a_session_that_somebody_holds_is_shown_and_not_waited_for(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    keyring = Keyring(PRODUCTION["SESSION_SECRET"])
    tokens = [insert_live_session(database_url)["Cookie"].partition("=")[2] for _ in range(2)]
    hashes = [keyring.token_hash(token) for token in tokens]
    connection.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour'")
    seen = "SELECT count(*) FROM sessions WHERE last_seen_at > now() - interval '1 minute'"
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as other:
        holder.execute(SQL, {"token_hashes": hashes[:1]})
        other.execute("SET lock_timeout = '1s'")
        # Both would wait for each other, if the second one waited at all.
        rows = other.execute(SQL, {"token_hashes": hashes[::-1]}).fetchall()
        assert {row[0] for row in rows} == set(hashes)
        other.commit()
        assert connection.execute(seen).fetchone() == (1,)
        holder.commit()
    assert connection.execute(seen).fetchone() == (2,)
