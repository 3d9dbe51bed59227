"""docs/deploy-without-docker.md is followed in a checkout without packages, up to what systemd would run."""

import configparser
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.support.checkout import checkout
from tests.support.pages import Block, Command, Page
from tests.support.service import UNLIMITED, Service, clean_environ

PAGE = Page("deploy-without-docker.md")
SETTINGS, UNIT = PAGE.blocks("ini")
FOLDER = "/opt/connected-backend"


def settings_of(block: Block) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.text.splitlines())


@pytest.mark.full
@pytest.mark.parametrize("commands", [PAGE.commands()], ids=["all"])
@pytest.mark.parametrize("settings", [SETTINGS], ids=str)
@pytest.mark.parametrize("unit", [UNIT], ids=str)
def test_what_systemd_would_start_serves(
    commands: list[Command], settings: Block, unit: Block, tmp_path: Path, empty_database_url: str
) -> None:
    copy = checkout(tmp_path / "copy")
    (copy / ".venv").unlink()
    printed = ""
    for command in commands:
        done = subprocess.run(
            ["bash", "-euc", command.line],
            cwd=copy,
            env=clean_environ({}),
            capture_output=True,
            text=True,
            check=True,
        )
        printed = done.stdout.strip()
    own = {
        "SESSION_SECRET": printed,
        "DATABASE_URL": empty_database_url,
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "secret",
    }
    environ: dict[str, Any] = {**settings_of(settings), **own}
    assert environ.keys() == settings_of(settings).keys()
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read_string(unit.text)
    start = parser["Service"]["ExecStart"].replace(FOLDER, str(copy))
    del environ["DATABASE_URL"]
    service = Service(database_url=empty_database_url, command=[start], **environ | UNLIMITED)
    try:
        service.wait_until_serving()
        assert requests.get(f"{service.url}/health/ready", timeout=10).status_code == 200
        with psycopg.connect(empty_database_url) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM schema_migrations").fetchone() == (True,)
    finally:
        service.kill()
