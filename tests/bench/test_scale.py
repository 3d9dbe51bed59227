"""The table at the end of docs/scaling.md: its arithmetic, and that the page explains it."""

import re
from pathlib import Path

import pytest

from bench import scale
from bench.databases import migrate_quietly
from bench.results import Results
from tests.support.pages import Page, rows

PAGE = Page("scaling.md")
SECTION = "On paper: from one session to a billion"
MEASURED = scale.Measured(checks=4000, database=50, bytes=400, indexes=4, date="2026-01-02")


def written(results: Results, folder: Path) -> tuple[int, Path]:
    """The command's exit code for these figures, and the page that it wrote."""
    file, page = folder / "results.json", folder / "scaling.md"
    results.write(file)
    page.write_text(PAGE.text, encoding="utf-8")
    return scale.main(["--results", str(file), "--page", str(page)]), page


def test_a_billion_sessions_take_what_their_checks_and_rows_add_up_to() -> None:
    need = scale.need(MEASURED, 10**9)
    assert need.checks == 100_000
    assert need.replicas == 101
    assert need.connections == 808
    assert need.gigabytes == 400
    assert need.cpus == 50
    assert need.log == pytest.approx(10_000 * 5 * 8192 / 1e6)
    assert need.dollars == pytest.approx(101 * 25 + 2 * (50 * 50 + 400 * 0.12))


def test_tokens_take_nine_checks_of_ten_and_no_write() -> None:
    plain, with_tokens = (scale.need(MEASURED, 10**9, with_tokens=tokens) for tokens in (False, True))
    assert with_tokens.checks == plain.checks / 10
    assert with_tokens.log == plain.log


def test_one_session_takes_one_replica_and_no_step() -> None:
    need = scale.need(MEASURED, 1)
    assert (need.replicas, need.cpus, need.steps()) == (1, 1, [])


def test_each_step_is_new_once_and_explained_on_the_page() -> None:
    new = [step for row in rows(scale.table(MEASURED)) for step in row[-1].split(", ") if step]
    assert sorted(new) == sorted(scale.STEPS)
    explained = [row[0] for row in rows(PAGE.section(SECTION).partition("<!-- /scale -->")[2])]
    assert explained == list(scale.STEPS)


def test_the_page_supposes_what_the_command_does() -> None:
    text = " ".join(PAGE.section(SECTION).split())
    assert f"every {scale.SECONDS_BETWEEN_CHECKS:,} seconds" in text
    assert (scale.CHECKS_A_VISIT, scale.USED) == (10, 0.25)
    assert f"{scale.GIGABYTES_A_CPU} GB for each CPU" in text
    assert f"A replica costs {scale.REPLICA_DOLLARS} $ a month" in text
    assert f"with its memory {scale.DATABASE_DOLLARS} $, a GB {scale.GIGABYTE_DOLLARS} $" in text
    steps = dict(row[:2] for row in rows(text_of_steps()))
    assert steps["PgBouncer"] == f"{scale.MANY_CONNECTIONS} connections"
    assert steps["tokens"] == f"{scale.MANY_CHECKS:,} checks a second"
    assert steps["partitions"] == f"the table outgrows {scale.MUCH_MEMORY} GB"
    assert steps["a distributed PostgreSQL"] == f"{scale.MUCH_LOG} MB/s of log"


def text_of_steps() -> str:
    return PAGE.section(SECTION).partition("<!-- /scale -->")[2]


def test_the_page_has_a_table_of_every_size() -> None:
    sizes = [
        int(row[0].replace(",", "")) for row in rows(PAGE.section(SECTION)) if re.fullmatch(r"[\d,]+", row[0])
    ]
    assert tuple(sizes) == scale.SIZES


def test_the_size_of_a_session_is_measured(empty_database_url: str) -> None:
    migrate_quietly(empty_database_url)
    size, indexes = scale.session_size(empty_database_url, 10_000)
    assert 200 < size < 1000
    assert indexes >= 4


def test_the_command_writes_the_table_from_the_figures_of_a_run(tmp_path: Path) -> None:
    figures = {"ours": [{"per_second": 4000.0}], "loop": [{"per_second": 10_000.0, "cpu": 40.0}]}
    results = Results(comparison={"session": figures}, dates={"session": "2026-01-02"})
    code, page = written(results, tmp_path)
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "Measured 2026-01-02: one CPU checks 4,000 sessions a second;" in text
    assert "PostgreSQL takes 60 µs for one at most;" in text


def test_without_figures_it_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, page = written(Results(), tmp_path)
    assert code == 1
    assert page.read_text(encoding="utf-8") == PAGE.text
    assert "type bench/run --only session" in capsys.readouterr().err
