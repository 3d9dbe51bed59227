"""docs/deploy-without-docker.md is followed without packages, up to what systemd and cron would run."""

import configparser
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from dev.postgres import EmbeddedPostgres
from tests.support.checkout import checkout
from tests.support.live_session import insert_live_session
from tests.support.pages import Block, Command, Page
from tests.support.service import UNLIMITED, Service, clean_environ, free_port

PAGE = Page("deploy-without-docker.md")
SETTINGS, UNIT = PAGE.blocks("ini")
FOLDER = "/opt/connected-backend"
SETTINGS_FILE = "/etc/connected-backend.env"
END_SESSIONS = """
    UPDATE sessions SET created_at = now() - interval '90 days', last_seen_at = now() - interval '90 days',
        idle_expires_at = now() - interval '83 days', expires_at = now() - interval '60 days'
"""
LINE = re.compile(r"(?P<when>(?:\S+ ){5})root (?P<command>.+)\n")
"""Of a file in /etc/cron.d: five fields say when, one says who, and the rest goes to /bin/sh."""


class Machine:
    """Where somebody follows the page, with folders of its own in place of the system's."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.postgres = EmbeddedPostgres(folder, port=self.port, settings={"fsync": "off"})
        self.places = {FOLDER: str(folder / "copy"), SETTINGS_FILE: str(folder / "settings.env")}

    def here(self, text: str) -> str:
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def type(self, line: str, *, program: str = "bash") -> str:
        """Runs a line in the checkout, which must succeed; returns what it prints."""
        command = [program, "-euc", self.here(line)]
        done = subprocess.run(
            command,
            cwd=self.places[FOLDER],
            env=clean_environ({}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def write_settings(self, block: Block, own: dict[str, str]) -> dict[str, Any]:
        """Fills the block in, as the page says, and returns what systemd would read."""
        given = dict(line.split("=", 1) for line in block.text.splitlines())
        assert own.keys() <= given.keys()
        lines = [f"{name}='{value}'\n" for name, value in (given | own).items()]
        Path(self.places[SETTINGS_FILE]).write_text("".join(lines), encoding="utf-8")
        return given | own


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    (checkout(tmp_path / "copy") / ".venv").unlink()
    with machine.postgres:
        yield machine


def exec_start(unit: Block) -> str:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read_string(unit.text)
    assert parser["Service"]["EnvironmentFile"] == SETTINGS_FILE
    return parser["Service"]["ExecStart"]


@pytest.mark.full
@pytest.mark.parametrize("install", [PAGE.commands(below="1. The packages")], ids=["install"])
@pytest.mark.parametrize("database", PAGE.blocks("sql"), ids=str)
@pytest.mark.parametrize("settings", [SETTINGS], ids=str)
@pytest.mark.parametrize("unit", [UNIT], ids=str)
@pytest.mark.parametrize("operate", PAGE.commands(below="Day by day"), ids=str)
@pytest.mark.parametrize("crontab", PAGE.blocks("crontab"), ids=str)
def test_what_systemd_would_start_serves_and_operators_reach_its_database(
    install: list[Command],
    database: Block,
    settings: Block,
    unit: Block,
    operate: Command,
    crontab: Block,
    machine: Machine,
) -> None:
    for command in install:
        printed = machine.type(command.line)
    password = machine.type(install[-1].line)
    assert len({printed, password}) == 2
    with psycopg.connect(machine.postgres.url(), autocommit=True) as admin:
        for statement in database.text.replace("'PASSWORD'", f"'{password}'").splitlines():
            admin.execute(statement.encode())
    url = f"postgresql://service:{password}@localhost:{machine.port}/service"
    assert url in settings.text.replace("PASSWORD", password).replace("5432", str(machine.port))
    own = {
        "SESSION_SECRET": printed,
        "DATABASE_URL": url,
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "with a blank & more",
    }
    environ = machine.write_settings(settings, own)
    del environ["DATABASE_URL"]
    service = Service(database_url=url, command=[machine.here(exec_start(unit))], **environ | UNLIMITED)
    try:
        service.wait_until_serving()
        assert requests.get(f"{service.url}/health/ready", timeout=10).status_code == 200
        insert_live_session(url)
        assert "Ada Lovelace" in machine.type(operate.line)
        with psycopg.connect(url) as connection:
            connection.execute(END_SESSIONS)
        purge = LINE.fullmatch(crontab.text)
        assert purge
        machine.type(purge["command"], program="sh")
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    finally:
        service.kill()
