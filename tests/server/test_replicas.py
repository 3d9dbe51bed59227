"""Two replicas on one database: what one has answered holds for the other at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import jwt
import psycopg
import pytest
import requests

from tests.housekeeping.conftest import run_command
from tests.support.live_session import insert_live_session
from tests.support.service import PRODUCTION, Service

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


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("users", "group", "remove", "{email}", "staff"), 403),
        (("users", "disable", "{email}"), 401),
        (("sessions", "revoke", "--user", "{email}"), 401),
        (("users", "delete", "{email}", "--yes"), 401),
    ],
    ids=["group-removed", "disabled", "revoked", "deleted"],
)
def test_whom_an_operator_takes_out_is_out_at_the_next_request_on_both(
    replicas: tuple[Service, Service], database_url: str, command: tuple[str, ...], status: int
) -> None:
    person = insert_live_session(database_url, groups=["staff"])
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT email FROM users").fetchone()
    assert row

    def entered() -> list[int]:
        address = "{url}/auth/verify?groups=staff"
        return [
            requests.get(address.format(url=replica.url), headers=person, timeout=10).status_code
            for replica in replicas
        ]

    assert entered() == [200, 200]
    name, *arguments = (part.format(email=row[0]) for part in command)
    assert run_command(name, *arguments, DATABASE_URL=database_url).code == 0
    assert entered() == [status] * 2
    assert {token_of(replica, person) for replica in replicas} == {200 if status == 403 else 401}


def token_of(replica: Service, person: dict[str, str]) -> int:
    """The status of asking for an access token."""
    return requests.post(f"{replica.url}/auth/token", headers=person, timeout=10).status_code


def test_a_token_of_one_replica_verifies_by_the_keys_of_the_other(
    replicas: tuple[Service, Service], database_url: str
) -> None:
    person = insert_live_session(database_url, groups=["staff"])
    made = requests.post(f"{replicas[0].url}/auth/token", headers=person, timeout=10).json()["access_token"]
    published = requests.get(f"{replicas[1].url}/.well-known/jwks.json", timeout=10).json()
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(made)["kid"]]
    claims = jwt.decode(made, key, algorithms=["ES256"], audience=PRODUCTION["API_URL"])
    assert claims["groups"] == ["staff"]
