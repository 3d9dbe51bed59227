"""bin/users show and link."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.housekeeping.conftest import Connection, People, Run
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

GOOGLE = "https://accounts.google.com"


def link(run: Run, email: str, subject: str = "7", issuer: str = GOOGLE, *more: str) -> Any:
    return run("users", "link", email, "--issuer", issuer, "--subject", subject, *more)


def test_an_account_is_shown_with_its_identities_and_sessions(run: Run, people: People) -> None:
    ada = people.user("ada@example.com", "Ada Lovelace")
    session = people.session(ada)
    people.session(people.user("grace@example.com"))
    link(run, "ada@example.com")
    [shown] = run("users", "show", "Ada@example.com", "--json").objects
    assert (shown["id"], shown["email"], shown["name"]) == (str(ada), "ada@example.com", "Ada Lovelace")
    assert [(identity["issuer"], identity["subject"]) for identity in shown["identities"]] == [(GOOGLE, "7")]
    assert [item["id"] for item in shown["sessions"]] == [str(session)]
    text = run("users", "show", str(ada)).stdout
    for part in ("Ada Lovelace", "Identities: 1", GOOGLE, "Live sessions: 1", str(session)):
        assert part in text
    assert run("users", "show", "nobody@example.com").code == 67


def test_linking_twice_changes_nothing(run: Run, people: People, connection: Connection) -> None:
    people.user("ada@example.com")
    first, second = (link(run, "ada@example.com", "7", GOOGLE, "--json") for _ in range(2))
    assert [outcome.objects[0]["is_new"] for outcome in (first, second)] == [True, False]
    assert first.objects[0]["identity_id"] == second.objects[0]["identity_id"]
    assert connection.execute("SELECT count(*) FROM identities").fetchone() == (1,)


def test_somebody_elses_identity_is_refused(run: Run, people: People, connection: Connection) -> None:
    ada = people.user("ada@example.com")
    people.user("grace@example.com")
    link(run, "ada@example.com")
    refused = link(run, "grace@example.com")
    assert (refused.code, refused.stdout) == (1, "")
    assert refused.stderr == f"This identity belongs to the user {ada}.\n"
    assert connection.execute("SELECT user_id FROM identities").fetchall() == [(ada,)]
    assert link(run, "nobody@example.com").code == 67


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [("accounts.google.com", "7"), ("https://a b", "7"), (GOOGLE, ""), (GOOGLE, "s" * 256), (GOOGLE, "a\nb")],
)
def test_what_no_provider_says_is_wrong_usage(run: Run, people: People, issuer: str, subject: str) -> None:
    people.user("ada@example.com")
    assert link(run, "ada@example.com", subject, issuer).code == 2


def test_a_linked_identity_signs_in_and_leaves_the_accounts_address(
    run: Run, people: People, provider: OpenIDProvider, make_app: Callable[..., Any]
) -> None:
    ada = people.user("ada@example.com")
    link(run, "ada@example.com", provider.person["sub"], provider.issuer)
    visitor = Visitor(make_app(), origin=WEBAPP)
    visitor.sign_in()
    user = visitor.get("/auth/session").json["user"]
    assert (user["id"], user["email"]) == (str(ada), "ada@example.com")
    [identity] = visitor.get("/auth/identities").json["identities"]
    assert (identity["provider"], identity["email"]) == ("oidc", provider.person["email"])
