"""Many runners at once, as when all replicas of a deployment start together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.migrations.runner.lock import lock_key
from app.migrations.script.files import load_migrations
from dev.postgres import EmbeddedPostgres
from tests.migrations.conftest import BOTH, MakeRunner
from tests.support.databases import fresh_database
from tests.support.service import Process

RUNNERS = 12
FILES = 20
SLOW = (5, 10, 15)


@pytest.fixture
def race_folder(tmp_path: Path) -> Path:
    effect = "INSERT INTO effects VALUES ({});\n".format
    (tmp_path / "0001_effects.sql").write_text("CREATE TABLE effects (file int);\n" + effect(1))
    for number in range(2, FILES + 1):
        pause = "SELECT pg_sleep(0.3);\n" if number in SLOW else ""
        (tmp_path / f"{number:04d}_effect.sql").write_text(pause + effect(number))
    return tmp_path


@contextmanager
def runners(folder: Path, url: str) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        started = []
        for _ in range(RUNNERS):
            command = ("bin/migrate", "--folder", str(folder))
            started.append(Process(*command, environ={"DATABASE_URL": url}))
            stack.callback(started[-1].kill)
        yield started


def race(folder: Path, url: str) -> None:
    with runners(folder, url) as started:
        for process in started:
            assert process.wait(120) == 0, process.output
        told = [sum(line.startswith("Applied ") for line in process.lines) for process in started]
    everything = list(range(1, FILES + 1))
    with psycopg.connect(url) as connection:
        effects = connection.execute("SELECT array_agg(file ORDER BY file) FROM effects").fetchone()
        ledger = connection.execute(
            "SELECT array_agg(version ORDER BY version), bool_and(status = 'applied') FROM schema_migrations"
        ).fetchone()
    assert effects == (everything,)
    assert ledger == (everything, True)
    # One applied all; the others waited.
    assert sorted(told) == [0] * (RUNNERS - 1) + [FILES]


@pytest.mark.parametrize("server", BOTH, indirect=True)
def test_twelve_at_once_apply_each_file_once_and_all_succeed(race_folder: Path, url: str) -> None:
    race(race_folder, url)


@pytest.mark.full
def test_twenty_races_have_no_loser(race_folder: Path, postgres: EmbeddedPostgres) -> None:
    for _ in range(20):
        with fresh_database(postgres) as url:
            race(race_folder, url)


def test_twelve_at_once_build_an_index_concurrently_once(race_folder: Path, url: str) -> None:
    (race_folder / f"{FILES - 1:04d}_effect.sql").write_text(
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY effects_file ON effects (file);\n"
    )
    with runners(race_folder, url) as started:
        assert [process.wait(120) for process in started] == [0] * RUNNERS, started[0].output
    with psycopg.connect(url) as connection:
        valid = connection.execute(
            "SELECT array_agg(indisvalid) FROM pg_index WHERE indrelid = 'effects'::regclass"
        )
        assert valid.fetchone() == ([True],)


class Rival(StringIO):
    """Takes a runner's report, and with each line tries to take its lock."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self._connection = connection
        self.got_it: list[bool] = []

    def write(self, text: str) -> int:
        if text.startswith("Applied 00"):
            row = self._connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (lock_key("public"),))
            self.got_it += row.fetchone() or ()
        return super().write(text)


def test_a_runner_keeps_the_lock_between_two_files_and_frees_it_after_the_last(
    make_runner: MakeRunner, folder: Path, url: str
) -> None:
    (folder / "0003_three.sql").write_text("CREATE TABLE three (id int);\n")
    with psycopg.connect(url, autocommit=True) as connection:
        rival = Rival(connection)
        make_runner(rival).up()
        assert rival.got_it == [False, False, False]
        assert rival.getvalue().count("Applied 00") == 3
        freed = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (lock_key("public"),))
        assert freed.fetchone() == (True,)


def test_a_runner_that_stops_between_two_files_is_taken_over_from(
    make_runner: MakeRunner, folder: Path, url: str
) -> None:
    output = StringIO()

    def apply_one(_seconds: float) -> None:
        holder.rollback()
        runner = make_runner()
        runner.migrations = load_migrations(folder)[:1]
        runner.up()

    with psycopg.connect(url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        make_runner(output, sleep=apply_one).up()
    assert "   - 0002_two" in output.getvalue()
