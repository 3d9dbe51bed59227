"""The Procfile, as a buildpack takes it: packages beside the Python on PATH, PORT and DATABASE_URL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import checkout
from tests.support.original import OriginalService
from tests.support.service import PRODUCTION, ROOT, Process

PROCFILE = dict(line.split(": ") for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines())


def test_it_starts_and_releases_with_commands_of_the_image() -> None:
    assert PROCFILE == {"web": "bin/start", "release": "bin/migrate"}
    shipped = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for command in PROCFILE.values():
        assert f"!{command}" in shipped


@pytest.mark.full
def test_it_works_by_the_rules_of_a_buildpack(empty_database_url: str, tmp_path: Path) -> None:
    """Those of heroku/heroku-buildpack-python, which Dokku has, too: `pip install -r requirements.txt`."""
    home, python = checkout(tmp_path / "app"), tmp_path / "python"
    (home / ".venv").unlink()
    subprocess.run([sys.executable, "-m", "venv", python], check=True)
    pip = [str(python / "bin" / "pip"), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-r", "requirements.txt"], cwd=home, check=True)
    given = {
        **{name: value for name, value in PRODUCTION.items() if name != "APP_ENV"},
        "PATH": f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": str(home),
        "WEB_CONCURRENCY": "2",
        "DATABASE_URL": empty_database_url.replace("postgresql://", "postgres://"),
    }
    release = Process(str(home / PROCFILE["release"]), environ=given)
    try:
        assert release.wait() == 0, release.output
    finally:
        release.kill()
    service = OriginalService(given, command=str(home / PROCFILE["web"]))
    try:
        service.wait_until_serving()
    finally:
        service.kill()
