"""The watch over the log of the whole test run: it fails a run that leaks, and no other."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.accounts.credentials import new_token
from tests.support.log_watch import LogWatch
from tests.support.service import ROOT

RUN = """
import logging
from tests.support.log_watch import WATCH

def test_first():
    WATCH.secret("cookie", {secret!r})

def test_second():
    logging.getLogger("app").debug("Harmless", extra={{"field": {field!r}}})
"""


@pytest.mark.parametrize("arguments", [[], ["--numprocesses", "1"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("leaks", [True, False], ids=["leaks", "clean"])
def test_a_run_that_logs_a_secret_of_another_test_fails(
    tmp_path: Path, arguments: list[str], *, leaks: bool
) -> None:
    secret = new_token()
    (tmp_path / "test_it.py").write_text(RUN.format(secret=secret, field=f"x{secret if leaks else ''}"))
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.support.log_plugin"]\n')
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--basetemp", tmp_path / "base", *arguments, tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr
    assert run.returncode == (1 if leaks else 0)
    assert ("test_it.py::test_second: cookie in the log line" in run.stdout) == leaks


@pytest.fixture
def watch() -> LogWatch:
    return LogWatch()


def test_a_secret_is_found_wherever_it_stands_and_when_it_is_cut_short(watch: LogWatch) -> None:
    token = new_token()
    watch.secret("token", token)
    for line in (token, f"before{token}after", f"x {token[:30]}", f'"{token}"'):
        watch.line(line)
        assert watch.leaks(), line
        watch.lines.clear()
    watch.line(token[1:])
    assert not watch.leaks()


def test_each_part_of_a_signed_token_is_a_secret(watch: LogWatch) -> None:
    watch.secret("ID token", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLWl0")
    watch.line("the signature c2lnbmF0dXJlLW9mLWl0")
    assert "ID token" in watch.leaks()[0]


def test_passwords_in_variables_and_urls_are_secrets(watch: LogWatch) -> None:
    watch.environ({"DB_PASSWORD": "pa55 w0rd/", "DATABASE_URL": "postgresql://u:hunter2-hunter3@db/x"})
    for line in ("pa55 w0rd/", "pa55%20w0rd%2F", "u:hunter2-hunter3@"):
        watch.line(line)
    assert len(watch.leaks()) == 3


@pytest.mark.parametrize("value", ["", "test", "x" * 40, "development", "aaaabbbb"])
def test_what_cannot_be_told_from_chance_is_not_watched(watch: LogWatch, value: str) -> None:
    watch.secret("cookie", value)
    watch.line(f"a line with {value}")
    assert not watch.leaks()
