"""What every command of bin/sessions and bin/users has in common, and bin/secret."""

import json
import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from app.commands.errors import Exit
from dev.postgres import EmbeddedPostgres
from tests.housekeeping.conftest import People, Run, run_command
from tests.support.service import ROOT, clean_environ, free_port

COMMANDS = [
    ("sessions", "list"),
    ("sessions", "revoke", "--all", "--yes"),
    ("sessions", "purge"),
    ("users", "list"),
    ("users", "disable", "ada@example.com"),
    ("users", "enable", "ada@example.com"),
    ("users", "delete", "ada@example.com", "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_without_tables_is_exit_5_and_names_the_way_out(
    command: tuple[str, ...], empty_database_url: str
) -> None:
    outcome = run_command(*command, DATABASE_URL=empty_database_url)
    assert outcome.code == 5
    assert "bin/migrate" in outcome.stderr
    assert outcome.stdout.replace("Deleted 0 sessions.\n", "").replace("Revoked 0 sessions.\n", "") == ""


def test_a_database_that_is_away_is_exit_69_and_names_the_variable(run: Run) -> None:
    away = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    outcome = run("sessions", "list", DATABASE_URL=away)
    assert outcome.code == 69
    assert "DATABASE_URL" in outcome.stderr
    assert outcome.stdout == ""


def test_a_wrong_password_is_exit_78_and_names_the_variable(tmp_path: Path) -> None:
    port = free_port()
    with EmbeddedPostgres(tmp_path, port=port) as postgres:
        with psycopg.connect(postgres.url()) as connection:
            connection.execute("ALTER ROLE postgres PASSWORD 'right'")
        outcome = run_command(
            "users", "list", DATABASE_URL=f"postgresql://postgres:wrong@127.0.0.1:{port}/postgres"
        )
    assert outcome.code == 78
    assert "DATABASE_URL" in outcome.stderr
    assert "wrong" not in outcome.stderr


@pytest.mark.parametrize("command", ["sessions", "users"])
def test_no_database_is_exit_78_and_asks_for_nothing_else(command: str, tmp_path: Path) -> None:
    # On a server bin/dev never made its folder, so nobody is told of it.
    outcome = run_command(command, "list", DEV_DATA_DIR=str(tmp_path / "none"))
    assert outcome.code == 78
    assert outcome.stderr.splitlines()[1:] == [
        "DATABASE_URL: required (or DB_HOST, DB_USER, DB_PASSWORD and DB_NAME)"
    ]


def test_an_error_under_json_is_one_object_on_stderr(run: Run) -> None:
    outcome = run("users", "disable", "nobody@example.com", "--json")
    assert outcome.code == 67
    error = json.loads(outcome.stderr)
    assert (error["event"], error["level"], error["exit_code"]) == ("error", "error", 67)
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("sessions",),
        ("sessions", "sideways"),
        ("sessions", "revoke"),
        ("sessions", "revoke", "not-an-id"),
        ("sessions", "revoke", "--all", "--user", "ada@example.com"),
        ("sessions", "list", "--user", "ada"),
        ("sessions", "list", "--limit", "0"),
        ("sessions", "purge", "--older-than", "30"),
        ("sessions", "purge", "--batch", "10001"),
        ("users", "disable"),
        ("users", "delete", "ada"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2(run: Run, arguments: tuple[str, ...]) -> None:
    outcome = run(*arguments)
    assert outcome.code == 2
    assert outcome.stderr.startswith("usage: ")
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("sessions", "list", "--user"),
        ("sessions", "revoke", "--user"),
        ("users", "list", "--search"),
        ("users", "list", "--json", "--search"),
        ("users", "tokens"),
    ],
    ids=" ".join,
)
def test_an_argument_that_is_no_utf_8_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    outcome = run(*arguments, os.fsdecode(b"\xff@x"))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("usage: ")
    assert outcome.stderr.endswith(": '\\udcff@x' is not text in UTF-8\n")


@pytest.mark.parametrize("command", ["sessions", "users"])
def test_help_teaches_every_command_and_exit_code(command: str) -> None:
    outcome = run_command(command, "--help")
    assert outcome.code == 0
    purpose = (ROOT / "bin" / command).read_text().splitlines()[1].removeprefix("# ")
    assert purpose in outcome.stdout
    for code in set(Exit) - {Exit.INVALID, Exit.NEEDS_RESOLVE}:
        assert re.search(rf"\b{code.value} [a-zA-Z]", outcome.stdout), code
    for name in {word for words in COMMANDS if words[0] == command for word in words[1:2]}:
        assert re.search(rf"^ +{name} +[a-z]", outcome.stdout, re.MULTILINE), name
        assert "--json" in run_command(command, name, "--help").stdout


def test_commands_work_from_any_folder(database_url: str, tmp_path: Path) -> None:
    for command in (("sessions", "list"), ("users", "list"), ("secret",)):
        outcome = run_command(*command, cwd=str(tmp_path), DATABASE_URL=database_url)
        assert outcome.code == 0, outcome.stderr


@pytest.mark.parametrize("module", ["sessions", "users"])
def test_commands_start_without_the_weight_of_the_service(module: str) -> None:
    script = f"import sys, app.housekeeping.{module}; print(*sys.modules)"
    loaded = subprocess.check_output([ROOT / "bin" / "python", "-c", script], text=True).split()
    assert not {"environs", "falcon", "gunicorn", "psycopg_pool", "requests"} & set(loaded)


def test_the_direct_connection_for_migrations_is_not_used(run: Run) -> None:
    elsewhere = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    assert run("users", "list", MIGRATE_DATABASE_URL=elsewhere).code == 0


def test_a_secret_comes_as_json_too() -> None:
    outcome = run_command("secret", "--json")
    assert [list(entry) for entry in outcome.objects] == [["secret"]]
    assert len(outcome.objects[0]["secret"]) >= 32
    assert "SESSION_SECRET" in run_command("secret", "--help").stdout


def test_a_reader_that_leaves_early_sees_no_traceback(people: People, database_url: str) -> None:
    # More than a pipe holds.
    people.many_sessions(2000, expires="1 day")
    script = f"{ROOT}/bin/sessions list --limit 2000 | head -n 1"
    done = subprocess.run(
        ["sh", "-c", script],
        env=clean_environ({"DATABASE_URL": database_url}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("id ")
    assert done.stderr == ""
