"""Two replicas on one database: what one has answered holds for the other at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
import requests

from tests.support.live_session import insert_live_session
from tests.support.service import Service

ROUNDS = 25
TABS = 6


@pytest.fixture
def replicas(make_service: Callable[..., Service]) -> tuple[Service, Service]:
    pair = (make_service(WEB_CONCURRENCY="1"), make_service(WEB_CONCURRENCY="1"))
    for replica in pair:
        replica.wait_until_serving()
    return pair


def test_a_revoked_session_is_accepted_by_no_replica_after_the_204(
    replicas: tuple[Service, Service], database_url: str
) -> None:
    def accepted_at(headers: dict[str, str]) -> list[float]:
        """When those requests were sent that found the session alive; ends with the first that does not."""
        moments: list[float] = []
        with requests.Session() as browser:
            while True:
                sent_at = time.monotonic()
                answer = browser.get(f"{replicas[1].url}/auth/session", headers=headers, timeout=10)
                if not answer.json()["authenticated"]:
                    return moments
                moments.append(sent_at)

    with ThreadPoolExecutor(3) as checkers:
        for _ in range(ROUNDS):
            victim = insert_live_session(database_url)
            checks = [checkers.submit(accepted_at, victim) for _ in range(3)]
            answer = requests.post(f"{replicas[0].url}/auth/logout", headers=victim, timeout=10)
            revoked_at = time.monotonic()
            assert answer.status_code == 204
            for check in checks:
                assert not [sent_at for sent_at in check.result(10) if sent_at > revoked_at]


def test_one_person_registering_on_both_replicas_at_once_is_one_user(
    replicas: tuple[Service, Service], database_url: str
) -> None:
    def register(url: str, headers: dict[str, str], start: Barrier) -> int:
        start.wait()
        return requests.post(f"{url}/auth/register", headers=headers, json={}, timeout=10).status_code

    with ThreadPoolExecutor(TABS) as people:
        for number in range(ROUNDS):
            start = Barrier(TABS)
            answers = [
                people.submit(
                    register,
                    replicas[tab % 2].url,
                    insert_live_session(database_url, pending=f"person-{number}"),
                    start,
                )
                for tab in range(TABS)
            ]
            assert sorted(answer.result(15) for answer in answers) == [201] + [409] * (TABS - 1)
    with psycopg.connect(database_url) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM identities), "
            "(SELECT count(*) FROM sessions WHERE user_id IS NOT NULL)"
        ).fetchone()
    assert counts == (ROUNDS, ROUNDS, ROUNDS)
