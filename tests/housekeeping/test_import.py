"""What sql/import_users.sql makes of rows."""

from typing import Any
from uuid import uuid4

import pytest

from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import Connection, People
from tests.support.provider import OpenIDProvider
from tests.support.user_import import APPLY, Import, import_users, person
from tests.support.visitor import Visitor

ADA = "101234567890123456789"
GRACE = "101234567890123456790"
GOOGLE = "https://accounts.google.com"
COUNTS = """
    SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM identities), (SELECT count(*) FROM sessions)
"""


@pytest.fixture
def load(postgres: EmbeddedPostgres, database_url: str) -> Import:
    return lambda source, *arguments: import_users(postgres, database_url, source, "--csv", *arguments)


def accounts(connection: Connection) -> list[Any]:
    read = """
        SELECT users.id, users.email, name, picture, issuer, subject
        FROM users JOIN identities ON identities.user_id = users.id ORDER BY email
    """
    return connection.execute(read).fetchall()


def test_a_person_keeps_id_name_picture_and_the_day_they_came(load: Import, connection: Connection) -> None:
    picture = "https://lh3.googleusercontent.com/a/x=s96-c?size=1#here"
    ada = uuid4()
    row = person(" Ada@Example.com ", f" {ADA} ", user_id=ada, name=" Ada Lovelace ", picture=picture)
    outcome = load([row], *APPLY)
    assert (outcome.counts, outcome.skipped) == ({"new": 1}, {})
    assert outcome.stdout.splitlines()[-1].startswith("Done")
    assert accounts(connection) == [(ada, "ada@example.com", "Ada Lovelace", picture, GOOGLE, ADA)]
    read = "SELECT created_at = '2025-01-02 03:04:05.678Z' AND disabled_at IS NULL FROM users"
    assert connection.execute(read).fetchone() == (True,)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_imported_person_signs_in_to_the_account_they_had(
    load: Import, visitor: Visitor, provider: OpenIDProvider, connection: Connection, end: str
) -> None:
    # Auth0's has a slash at its end.
    issuer = provider.issuer + end
    provider.metadata["issuer"] = provider.changes["iss"] = issuer
    visitor.sign_in()
    pending = visitor.get("/auth/session").json["user"]
    (subject,) = connection.execute("SELECT pending_identity ->> 'subject' FROM sessions").fetchone() or ("",)
    # The e-mail has changed meanwhile: it is not what people are known by.
    before = uuid4()
    row = person("before@example.com", subject, user_id=before, name="Before")
    assert load([row], *APPLY, "-v", f"issuer={issuer}").counts == {"new": 1}
    visitor.sign_in()
    session = visitor.get("/auth/session").json
    assert (session["registered"], session["user"]["id"]) == (True, str(before))
    assert pending["email"] != "before@example.com"


@pytest.mark.parametrize("arguments", [(), ("-v", "apply=0")], ids=" ".join)
def test_a_dry_run_writes_nothing_and_says_what_would_be(
    load: Import, connection: Connection, people: People, arguments: tuple[str, ...]
) -> None:
    people.user("grace@example.com")
    rows = [
        person("ada@example.com", ADA),
        person("grace@example.com", GRACE),
        person("nobody@example.com", None),
    ]
    before = connection.execute(COUNTS).fetchone()
    dry = load(rows, *arguments)
    assert dry.stdout.splitlines()[-1] == "Nothing is written: this was a dry run. -v apply=1 writes."
    assert connection.execute(COUNTS).fetchone() == before
    real = load(rows, *APPLY)
    assert (dry.counts, dry.skipped) == (real.counts, real.skipped)
    assert real.counts == {"new": 1, "no_subject": 1, "email_taken": 1}
    assert real.skipped == {2: "email_taken", 3: "no_subject"}
    assert [row[1] for row in accounts(connection)] == ["ada@example.com"]


def test_a_second_time_changes_nothing_and_adds_who_came_since(load: Import, connection: Connection) -> None:
    rows = [person(f"Person{number}@example.com", f"{number:021}") for number in range(10_000)]
    rows.append(person("PERSON7@example.com", ADA))
    first = load(rows, *APPLY)
    assert first.counts == {"new": 10_000, "duplicate_email": 1}
    # What people changed since is theirs.
    connection.execute("UPDATE users SET name = 'Changed', email = 'x@y' WHERE email = 'person7@example.com'")
    before = accounts(connection)
    assert load(rows, *APPLY).counts == {"already_there": 10_000, "duplicate_email": 1}
    assert accounts(connection) == before
    assert load([*rows, person("new@example.com", GRACE)], *APPLY).counts["new"] == 1


def test_of_rows_with_the_same_id_email_or_subject_the_first_counts(
    load: Import, connection: Connection
) -> None:
    first = uuid4()
    rows = [
        # Unusable itself, it keeps nothing from the others.
        person("ada@example.com", None, user_id=first),
        person("ada@example.com", ADA, user_id=first),
        person("grace@example.com", GRACE, user_id=first),
        person("ADA@example.com", GRACE),
        person("other@example.com", ADA),
    ]
    skipped = {1: "no_subject", 3: "duplicate_id", 4: "duplicate_email", 5: "duplicate_subject"}
    assert load(rows, *APPLY).skipped == skipped
    assert [row[0] for row in accounts(connection)] == [first]


def test_a_row_without_a_subject_becomes_no_account_and_leaves_its_email_free(
    load: Import, visitor: Visitor
) -> None:
    visitor.sign_in()
    email = visitor.get("/auth/session").json["user"]["email"]
    rows = [person(email, None, name="Old"), person("blank@example.com", "  ")]
    assert load(rows, *APPLY).counts == {"no_subject": 2}
    assert visitor.post("/auth/register").status_code == 201


def test_an_account_here_is_never_taken_over_or_given_a_second_identity(
    load: Import, people: People, connection: Connection
) -> None:
    people.user("ada@example.com")
    other = people.user("other@example.com")
    rows = [person("ADA@example.com", ADA), person("mallory@example.com", GRACE, user_id=other)]
    assert load(rows, *APPLY).skipped == {1: "email_taken", 2: "id_taken"}
    assert accounts(connection) == []


def test_somebody_of_another_provider_is_somebody_else(load: Import, connection: Connection) -> None:
    load([person("ada@example.com", "7")], *APPLY)
    other = [person("grace@example.com", "7")]
    assert load(other, *APPLY, "-v", "issuer=https://id.example.com/realms/one/").counts == {"new": 1}
    assert [row[4] for row in accounts(connection)] == [GOOGLE, "https://id.example.com/realms/one/"]


def test_names_and_pictures_are_kept_as_far_as_sign_in_would_keep_them(
    load: Import, connection: Connection
) -> None:
    rows = [
        person("a@example.com", "1", name="Ada\x1b[2J\tLove\u2028lace ", picture="http://example.com/a.png"),
        person("b@example.com", "2", name="x" * 199 + " " + "x" * 100, picture="javascript:alert(1)"),
        person("c@example.com", "3", name=" \t\u00a0 ", picture="https://example.com/" + "x" * 2000),
        person("d@example.com", "4", name="Zoë 👩\u200d🚀", picture="https://example.com:8443/d.png"),
        person("e@example.com", "5", name="", picture='https://example.com/"><script>'),
        person("f@example.com", "6", picture="https://ada@example.com/"),
        person("g@example.com", "7", picture="https://example.com/\u00e9"),
    ]
    counts = load(rows, *APPLY).counts
    assert counts == {"new": 7, "name_changed": 2, "picture_left_out": 6}
    assert [row[2:4] for row in accounts(connection)] == [
        ("Ada[2JLovelace", None),
        ("x" * 199, None),
        (None, None),
        ("Zoë 👩\u200d🚀", "https://example.com:8443/d.png"),
        *[(None, None)] * 3,
    ]


def test_without_an_id_an_account_gets_a_new_one_once(load: Import, connection: Connection) -> None:
    row = ("", "ada@example.com", "", "", "7", "")
    assert load([row], *APPLY).counts == {"new": 1, "id_made": 1, "created_at_unknown": 1}
    before = accounts(connection)
    assert load([row], *APPLY).counts == {"already_there": 1}
    assert accounts(connection) == before
    assert connection.execute("SELECT now() - created_at < '1 min' FROM users").fetchone() == (True,)


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01 00:00:00+14", "9999-12-31 23:59:59-12", "1969-12-31 23:59:59+00", "infinity", "-infinity"],
)
def test_a_time_before_1970_or_still_to_come_is_unknown(
    load: Import, connection: Connection, moment: str
) -> None:
    counts = load([person("ada@example.com", "7", created_at=moment)], *APPLY).counts
    assert counts == {"new": 1, "created_at_unknown": 1}
    assert connection.execute("SELECT now() - created_at < '1 min' FROM users").fetchone() == (True,)


def test_a_time_without_a_zone_is_utc(load: Import, connection: Connection) -> None:
    connection.execute(
        f"ALTER DATABASE {connection.info.dbname} SET timezone = 'Pacific/Kiritimati'".encode()
    )
    load([person("ada@example.com", "7", created_at="2025-01-02 03:04:05.6")], *APPLY)
    read = "SELECT created_at = '2025-01-02 03:04:05.6Z' FROM users"
    assert connection.execute(read).fetchone() == (True,)


@pytest.mark.parametrize(
    ("email", "subject", "reason"),
    [
        (None, "1", "unusable_email"),
        ("ada", "1", "unusable_email"),
        ("ada@example.com@example.com", "1", "unusable_email"),
        ("ada@example.com\x1b[2J", "1", "unusable_email"),
        ("ada@\u202eexample.com", "1", "unusable_email"),
        ("ada@exa mple.com", "1", "unusable_email"),
        ("ada@exa\u00a0mple.com", "1", "unusable_email"),
        ("a" * 309 + "@example.com", "1", "unusable_email"),
        ("\u212aelvin@example.com", "1", "unusable_email"),
        ("ad\u0130@example.com", "1", "unusable_email"),
        ("ada@example.com", "x" * 256, "unusable_subject"),
        ("ada@example.com", "1\n2", "unusable_subject"),
        ("ada@example.com", "1\U000e0041", "unusable_subject"),
        ("ada@example.com", "1.01235E+20", "unusable_subject"),
        ("ada@example.com", "1,01235e20", "unusable_subject"),
        ("ada@example.com", "1E+20", "unusable_subject"),
    ],
)
def test_a_hostile_row_is_skipped_and_its_neighbours_are_not(
    load: Import, connection: Connection, email: str | None, subject: str, reason: str
) -> None:
    rows = [person("zoë@example.com", "x" * 255), person(email, subject), person("z@example.com", "a b")]
    outcome = load(rows, *APPLY)
    assert (outcome.counts, outcome.skipped) == ({"new": 2, reason: 1}, {2: reason})
    assert [row[1] for row in accounts(connection)] == ["z@example.com", "zoë@example.com"]


def test_an_address_may_have_320_characters(load: Import) -> None:
    assert load([person("a" * 308 + "@example.com", "1")], *APPLY).counts == {"new": 1}


def test_sql_in_a_row_is_text(load: Import, connection: Connection) -> None:
    name = r"%(ids)s :'issuer' :apply \q $$ '' \\ \."
    row = person("');DROP/**/TABLE/**/users;--@example.com", "'||'", name=name)
    assert load([row], *APPLY).counts["new"] == 1
    assert [row[2] for row in accounts(connection)] == [name]


def test_skipped_rows_steer_no_terminal(postgres: EmbeddedPostgres, database_url: str) -> None:
    rows = [person(f"\x1b[2J\u202e{number}@example.com", None) for number in range(3)]
    outcome = import_users(postgres, database_url, rows)
    assert not {"\x1b", "\u202e"} & set(outcome.stdout)
    assert outcome.stdout.count("?[2j?") == 3
