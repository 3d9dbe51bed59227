"""What the operators' pages say to type is typed here: shell beside a service, SQL in its database."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg.conninfo import conninfo_to_dict

from app.accounts.credentials import new_token
from app.migrations.runner.lock import lock_key
from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.pages import Block, Command, Page
from tests.support.service import PRODUCTION, ROOT, Service, free_port
from tests.support.waiting import until

PAGES = [Page(f"{name}.md") for name in ("deploy-coolify", "deploy-compose", "operations", "scaling")]
RUNBOOK = Page("operations.md")
COMMANDS = [
    *(command for page in PAGES for command in page.commands()),
    *Page("sign-in.md").commands(),
    *Page("README.md").commands(below="What a frontend sees"),
]
QUERIES = [query for page in PAGES for query in page.blocks("sql")]
SEARCHES = [command for command in COMMANDS if "grep" in command.line]
DOCKER = """\
#!/bin/sh
# As much of docker as the pages use beside a container: its log.
[ "$1" = logs ] && cat "$SERVICE_LOG"
"""
END_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
OUTSIDE = "https://api.example.com"
INSIDE = "http://localhost:3000"
# The proxy is what adds it; without a proxy, these requests would be from inside.
CURLRC = 'header = "X-Forwarded-For: 203.0.113.7"\n'


class Shell:
    """A shell in a checkout, beside a service: `localhost:3000`, and behind a proxy `https://api.example.com`."""

    def __init__(self, service: Service, database_url: str, folder: Path, *, token: str = "") -> None:
        self._token = token
        self._service = service
        self._database_url = database_url
        self._folder = folder
        for name in ("app", "bin", "sql", ".venv", "setup.cfg"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "ops", folder / "ops")
        for name in ("tools", "inside", "outside"):
            (folder / name).mkdir()
        docker = folder / "tools" / "docker"
        docker.write_text(DOCKER)
        docker.chmod(0o755)
        (folder / "outside" / ".curlrc").write_text(CURLRC)

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        log = self._folder / "log"
        log.write_text("".join(f"{line}\n" for line in self._service.lines), encoding="utf-8")
        environ = {
            **PRODUCTION,
            "DATABASE_URL": self._database_url,
            "PORT": str(self._service.port),
            "PATH": f"{self._folder / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self._folder / ("outside" if OUTSIDE in line else "inside")),
            "SERVICE_LOG": str(log),
            "TOKEN": self._token,
        }
        for address in (OUTSIDE, INSIDE):
            line = line.replace(address, self._service.url)
        command = ["bash", "-euo", "pipefail", "-c", line]
        return subprocess.run(
            command, env=environ, cwd=self._folder, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def shell(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Beside a service in good health."""
    with fresh_database(postgres, template=TEMPLATE) as url:
        service = Service(database_url=url)
        try:
            service.wait_until_serving()
            yield Shell(service, url, tmp_path_factory.mktemp("shell"), token=api_token(service, url))
        finally:
            service.kill()


def api_token(service: Service, url: str) -> str:
    """Somebody's, as `$TOKEN` holds one."""
    owner = insert_live_session(url)
    answer = requests.post(f"{service.url}/auth/tokens", json={"name": "a script"}, headers=owner, timeout=5)
    return str(answer.json()["token"])


def without_moments(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "MOMENT", text.strip())


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=[pytest.mark.needs("curl")] if "curl" in command.line else [])
        for command in COMMANDS
    ],
    ids=str,
)
def test_a_command_does_its_work_and_prints_what_the_page_shows(command: Command, shell: Shell) -> None:
    done = shell.run(command.line)
    assert done.returncode == 0, done.stderr
    if command.shown:
        assert without_moments(done.stdout) == without_moments(command.shown)


def test_a_search_of_the_log_finds_what_it_is_for(
    make_service: Callable[..., Service], postgres: EmbeddedPostgres, database_url: str, tmp_path: Path
) -> None:
    service = make_service(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    service.wait_until_serving()
    cookie = {"Cookie": f"__Host-session={new_token()}"}
    requests.get(f"{service.url}/auth/callback/google?state=forged", allow_redirects=False, timeout=10)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE sessions RENAME TO elsewhere")
    assert requests.get(f"{service.url}/auth/session", headers=cookie, timeout=10).status_code == 500
    with unreachable(postgres, database_url):
        assert requests.get(f"{service.url}/auth/session", headers=cookie, timeout=10).status_code == 503
    until(lambda: "Database unavailable" in service.messages(), seconds=5, what="the last line")

    shell = Shell(service, database_url, tmp_path)
    assert len(SEARCHES) == 5
    for command in SEARCHES:
        assert shell.run(command.line).stdout.strip() not in {"", "none"}, command


@contextmanager
def unreachable(postgres: EmbeddedPostgres, url: str) -> Iterator[None]:
    """Meanwhile nobody is connected to that database, nor gets a connection."""
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute(END_CONNECTIONS, (name,))
        yield
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


@pytest.fixture
def present_role(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """The role that the runbook's example replaces."""
    connection.execute("CREATE ROLE service LOGIN")
    yield
    connection.execute("DROP ROLE IF EXISTS service_2")
    connection.execute("DROP ROLE service")


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.usefixtures("present_role")
def test_a_query_can_be_sent(query: Block, connection: psycopg.Connection[Any]) -> None:
    connection.execute(query.text.encode())


@pytest.mark.parametrize("query", RUNBOOK.blocks("sql", below="A stuck migration"), ids=str)
def test_the_query_for_the_migrations_lock_names_its_holder(
    query: Block, connection: psycopg.Connection[Any], database_url: str
) -> None:
    with psycopg.connect(database_url, application_name="a runner") as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("public"),))
        found = connection.execute(query.text.encode()).fetchall()
        assert (holder.info.backend_pid, "a runner") in [row[:2] for row in found]


@pytest.mark.parametrize("block", RUNBOOK.blocks("sql", below="Rotating secrets"), ids=str)
@pytest.mark.usefixtures("present_role")
def test_a_second_role_acts_as_the_first(
    block: Block, connection: psycopg.Connection[Any], database_url: str
) -> None:
    connection.execute(block.text.encode())
    with psycopg.connect(database_url, user="service_2") as second:
        assert second.execute("SELECT current_user, session_user").fetchone() == ("service", "service_2")
