"""`bin/dev` reloads what changes, and keeps the last good service where the change is broken."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.dev.conftest import Develop, Development
from tests.support.checkout import checkout
from tests.support.waiting import until


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout to break."""
    return checkout(tmp_path / "copy")


@pytest.fixture
def development(develop: Develop, copy: Path) -> Development:
    """`bin/dev` of that checkout, which serves."""
    development = develop(program=str(copy / "bin" / "dev"))
    development.wait_until_serving()
    return development


def said_after(development: Development, change: Callable[[], object], last: str) -> list[str]:
    """What it says after a change, up to a line with these words."""
    before = len(development.lines)
    change()
    until(lambda: any(last in line for line in development.lines[before:]), seconds=60, what=last)
    return development.lines[before:]


def test_a_change_reloads_the_service_and_a_broken_one_does_not(development: Development, copy: Path) -> None:
    home = f"{development.url}/"

    resource = copy / "app" / "resources" / "monitoring.py"
    replace(resource, "Backend is live.", "Backend is alive.")
    until(lambda: "Reloaded app/resources/monitoring.py." in development.lines, seconds=30, what="code")
    assert requests.get(home, timeout=10).json() == {"message": "Backend is alive."}

    replace(resource, "import falcon", "import falcon !")
    until(lambda: "SyntaxError: invalid syntax" in development.output, seconds=30, what="the error")
    until(lambda: "It does not start" in development.output, seconds=30, what="the refusal")
    assert requests.get(home, timeout=10).json() == {"message": "Backend is alive."}
    replace(resource, "import falcon !", "import falcon")
    until(lambda: development.output.count("Reloaded") == 2, seconds=30, what="the mended code")

    query, template = copy / "sql" / "queries" / "find_session.sql", copy / "app" / "openapi" / "page.html"
    query.rename(query.with_suffix(".txt"))
    until(lambda: development.output.count("It does not start") == 2, seconds=30, what="a missing query")
    query.with_suffix(".txt").rename(query)
    until(lambda: development.output.count("Reloaded") == 3, seconds=30, what="SQL")
    replace(template, "<title>", "<title>My ")
    until(lambda: "Reloaded app/openapi/page.html." in development.lines, seconds=30, what="a template")
    assert "<title>My " in requests.get(f"{development.url}/docs", timeout=10).text
    replace(template.with_name("page.css"), "#000", "#111")
    until(lambda: "Reloaded app/openapi/page.css." in development.lines, seconds=30, what="a style")


NONSENSE = "nonsense()\n\n\n"
REFUSED = "It does not start: the error is above. The last good one goes on; mend the file."


def test_a_broken_query_is_told_by_postgresql_and_not_served(development: Development, copy: Path) -> None:
    query = copy / "sql" / "queries" / "find_session.sql"

    said = said_after(development, lambda: replace(query, "\nFROM live", "\nFORM live"), REFUSED)
    assert said == [
        'sql/queries/find_session.sql:34: syntax error at or near "live"',
        f"Changed: sql/queries/find_session.sql. {REFUSED}",
    ]
    assert requests.get(f"{development.url}/auth/session", timeout=10).status_code == 200
    said_after(development, lambda: replace(query, "\nFORM live", "\nFROM live"), "Reloaded")

    migration = copy / "sql" / "migrations" / "9000_add_users_nickname.sql"
    migration.write_text("ALTER TABLE users ADD COLUMN nickname text;\n")
    until(lambda: "Apply them with: bin/migrate" in development.lines, seconds=30, what="the migration")
    said = said_after(development, lambda: replace(query, "users.picture", "users.nickname"), REFUSED)
    assert said[:2] == [
        "sql/queries/find_session.sql:6: column users.nickname does not exist",
        "Pending: 9000_add_users_nickname. Type bin/migrate, then save the query again.",
    ]


def test_an_edited_or_deleted_migration_is_told_what_it_takes(development: Development, copy: Path) -> None:
    newest, other = sorted((copy / "sql" / "migrations").glob("*.sql"))[-1:-3:-1]
    said = said_after(development, lambda: newest.write_text("SELECT 1;\n"), "bin/migrate accept")
    assert said[0] == f"Changed: sql/migrations/{newest.name}."
    assert said[1].startswith(f"{newest.name} was edited after it was applied on ")
    said = said_after(development, other.unlink, "is missing here")
    assert said == [
        f"Changed: sql/migrations/{other.name}.",
        f"{other.name} was applied to this database and is missing here. Bring the file back.",
    ]
    assert "Apply them with" not in development.output


BROKEN = [
    (
        "app/openapi/description.json",
        (",\n", "\n"),
        "app/openapi/description.json: Expecting ',' delimiter: line 3 column 3",
    ),
    (
        "app/openapi/page.html",
        ("<title>", "<title>\udcff"),
        "app/openapi/page.html: 'utf-8' codec can't decode byte 0xff in position",
    ),
    ("app/routes.py", ("def routes(", f"{NONSENSE}def routes("), "NameError: name 'nonsense'"),
    (
        "app/server/gunicorn_conf.py",
        ("def on_exit(", f"{NONSENSE}def on_exit("),
        "NameError: name 'nonsense'",
    ),
]
"""A file, what is replaced in it, and what the last line of the error begins with."""


def test_a_broken_file_is_named_in_a_few_lines(development: Development, copy: Path) -> None:
    for file, change, told in BROKEN:
        path = copy / file
        text = path.read_text(encoding="utf-8")
        broken = text.replace(*change, 1).encode("utf-8", "surrogateescape")
        *error, refusal = said_after(development, partial(path.write_bytes, broken), REFUSED)
        assert refusal == f"Changed: {file}. {REFUSED}"
        assert error[-1].startswith(told)
        assert file in "".join(error)
        assert len(error) <= 7
        said_after(development, partial(path.write_text, text, encoding="utf-8"), f"Reloaded {file}.")


def test_a_broken_query_ends_the_first_start(develop: Develop, copy: Path) -> None:
    replace(copy / "sql" / "queries" / "find_session.sql", "users.picture", "users.nickname")
    development = develop(program=str(copy / "bin" / "dev"))
    assert development.wait(60) == 1
    assert development.lines[-2:] == [
        "sql/queries/find_session.sql:6: column users.nickname does not exist",
        "The service does not start: the error is above.",
    ]
