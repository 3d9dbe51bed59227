"""Housekeeping behind PgBouncer in transaction mode, as DATABASE_URL may lead there."""

import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import People, run_command
from tests.support.pgbouncer import PgBouncer
from tests.support.user_import import APPLY, import_users, person

pytestmark = pytest.mark.full


def test_every_command_works_through_it(
    postgres: EmbeddedPostgres, database_url: str, people: People
) -> None:
    user = people.user("ada@example.com")
    people.session(user)
    people.many_sessions(2500, expires="-40 days")
    with PgBouncer(postgres, pool_size=2) as pooler:
        url = pooler.in_front_of(database_url)
        for command, said in (
            (("sessions", "list", "--json"), str(user)),
            (("sessions", "purge", "--batch", "100"), "Deleted 2,500 sessions."),
            (("users", "list"), "ada@example.com"),
            (("sessions", "revoke", "--all", "--yes"), "Revoked 1 session."),
            (("users", "disable", "ada@example.com"), "is disabled"),
            (("users", "enable", "ada@example.com"), "may sign in again"),
            (("users", "delete", "ada@example.com", "--yes"), "is deleted"),
        ):
            outcome = run_command(*command, DATABASE_URL=url)
            assert outcome.code == 0, outcome.stderr
            assert said in outcome.stdout
        rows = [person(f"person{number}@example.com", str(number)) for number in range(2500)]
        assert import_users(postgres, url, rows, "--csv", *APPLY).counts == {"new": 2500}
