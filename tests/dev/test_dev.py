"""`bin/dev` as a newcomer meets it: everything comes up, and all of it goes away again."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from app.settings.places import MIGRATIONS_FOLDER
from tests.dev.conftest import Develop, is_listening
from tests.support.checkout import checkout
from tests.support.pages import Command, Page
from tests.support.service import Process
from tests.support.waiting import until

SHOWN = [
    command
    for page in ("README.md", "CONTRIBUTING.md", "quick-start.md")
    for command in Page(page).commands()
    if command.line.startswith("bin/dev")
]


def forged_token(issuer: str, audience: str) -> str:
    """What the service would say, but signed by a key of somebody else under the name of the service's."""
    [key] = requests.get(f"{issuer}/.well-known/jwks.json", timeout=10).json()["keys"]
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": "ada",
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
    }
    headers = {"kid": key["kid"], "typ": "at+jwt"}
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=headers)


@pytest.mark.parametrize("commands", [SHOWN], ids=["all pages"])
def test_it_serves_and_ctrl_c_stops_all_of_it(commands: list[Command], develop: Develop) -> None:
    assert {command.line for command in commands} == {"bin/dev"}
    first = develop()
    first.wait_until_serving()
    assert f"  Service    {first.url}" in first.lines
    assert "✅ Applied " in first.output
    assert requests.get(f"{first.url}/", timeout=10).content == b'{"message":"Backend is live."}'
    health = requests.get(f"{first.url}/health", timeout=10).text
    assert re.fullmatch(r'\{"status":"ok","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}', health)
    assert requests.get(f"{first.url}/health/ready", timeout=10).status_code == 200
    frontend = requests.get(f"http://localhost:{first.frontend_port}/dashboard", timeout=10)
    assert "text/html" in frontend.headers["Content-Type"]
    ports = {"development": first.provider_port, "second": first.second_provider_port}
    providers = requests.get(f"{first.url}/auth/providers", timeout=10).json()["providers"]
    assert [provider["name"] for provider in providers] == [*ports]
    for provider in providers:
        login = requests.get(provider["login_url"], allow_redirects=False, timeout=10)
        assert login.headers["Location"].startswith(f"http://localhost:{ports[provider['name']]}/")
    second_api = f"http://localhost:{first.second_api_port}"
    assert requests.get(second_api, timeout=10).status_code == 401
    forged = {"Authorization": f"Bearer {forged_token(first.url, second_api)}"}
    assert requests.get(second_api, headers=forged, timeout=10).status_code == 401

    first.signal(signal.SIGINT)
    assert first.wait(60) == 0
    assert first.is_gone()
    assert not any(is_listening(port) for port in first.ports)

    second = develop()
    second.wait_until_serving()
    assert "✅ Database is up to date - no pending migrations" in second.output


def test_ctrl_c_at_any_moment_is_an_orderly_end_and_the_next_one_serves(develop: Develop) -> None:
    for delay in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 1.5, 2, 3):
        interrupted = develop()
        with pytest.raises(subprocess.TimeoutExpired):
            interrupted.wait(delay)
        # As a terminal does, to all in the foreground; and both together count as one.
        os.killpg(interrupted.pid, signal.SIGINT)
        with suppress(ProcessLookupError):
            os.killpg(interrupted.pid, signal.SIGTERM)
        assert interrupted.wait(60) in {0, 130, -signal.SIGINT, -signal.SIGTERM}, interrupted.output
        assert "Traceback" not in interrupted.output, delay
        assert "race" not in interrupted.output, delay
    last = develop()
    last.wait_until_serving()


def test_a_data_folder_that_cannot_be_is_told_in_a_sentence(
    develop: Develop, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    for settings in ({}, {"DATABASE_URL": database_url}):
        development = develop(DEV_DATA_DIR=str(data), **settings)
        assert development.wait(60) == 1
        [sentence] = [line for line in development.lines if str(data) in line]
        assert sentence.endswith("cannot be written: Not a directory. Set DEV_DATA_DIR to a folder of yours.")
        assert "Traceback" not in development.output


def test_the_console_says_each_thing_once(develop: Develop, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    development = develop(program=str(copy / "bin" / "dev"))
    development.wait_until_serving()
    requests.get(f"{development.url}/auth/sesion", timeout=10)
    until(lambda: " GET /auth/sesion " in development.output, seconds=10, what="the first request")
    requests.get(f"{development.url}/auth/session", timeout=10)
    until(lambda: " GET /auth/session " in development.output, seconds=10, what="the second one")
    (copy / "app" / "routes.py").touch()
    until(lambda: "Reloaded app/routes.py." in development.lines, seconds=60, what="the reload")
    development.signal(signal.SIGINT)
    assert development.wait(60) == 0

    end = development.lines.index("  Ctrl-C stops all of it.")
    names = [f"   - {path.stem}" for path in sorted(MIGRATIONS_FOLDER.glob("*.sql"))]
    applied = f"✅ Applied {len(names)} migration(s):"
    start = [line for line in development.lines[:end] if not line.startswith("  ") or line in names]
    assert start == ["Starting PostgreSQL ...", applied, *names, ""]
    empty, *requests_told, reloaded, _, stopping = development.lines[end + 1 :]
    assert (empty, reloaded, stopping) == ("", "Reloaded app/routes.py.", "Stopping ...")
    told = [re.sub(r"[\d.:]+ (INFO|ms) *|request_id=.*", "", line).strip() for line in requests_told]
    assert told == ["GET /auth/sesion 404 code=not_found", "GET /auth/session 200"]


def test_the_line_that_opens_the_database_can_be_pasted(develop: Develop, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "Ada's copy")
    development = develop(program=str(copy / "bin" / "dev"))
    development.wait_until_serving()
    [line] = [line for line in development.lines if line.startswith("  Database ")]
    command = f"{line.removeprefix('  Database ')} -Atc 'TABLE schema_migrations'"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (len(done.stdout.splitlines()), done.stderr) == (len(list(MIGRATIONS_FOLDER.glob("*.sql"))), "")


def test_variables_of_the_shell_win_and_a_database_of_theirs_is_told(
    develop: Develop, tmp_path: Path, database_url: str
) -> None:
    copy = checkout(tmp_path / "copy")
    (copy / ".env").write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing\nLOG_LEVEL=warning\n")
    development = develop(program=str(copy / "bin" / "dev"), DATABASE_URL=database_url)
    development.wait_until_serving()
    told = "Using the database of DATABASE_URL in the shell. Without it, bin/dev runs its own PostgreSQL."
    assert development.lines[0] == told
    assert not any(line.startswith("  Database ") for line in development.lines)
    assert requests.get(f"{development.url}/health/ready", timeout=10).status_code == 200


def test_nothing_survives_a_bin_dev_that_was_killed(develop: Develop) -> None:
    killed = develop()
    killed.wait_until_serving()
    killed.signal(signal.SIGKILL)
    killed.wait()
    until(killed.is_gone, seconds=40, what="PostgreSQL and the others to end")
    again = develop()
    again.wait_until_serving()
    assert requests.get(f"{again.url}/health/ready", timeout=10).status_code == 200


def test_commands_typed_beside_it_use_its_database(develop: Develop, tmp_path: Path) -> None:
    def typed(command: str) -> tuple[int, list[str]]:
        process = Process(*command.split(), environ={"DEV_DATA_DIR": str(tmp_path / "data")})
        code = process.wait(30)
        process.kill()
        return code, process.lines

    development = develop()
    development.wait_until_serving()
    for command in ("bin/migrate", "bin/users list", "bin/sessions list"):
        code, lines = typed(command)
        assert code == 0, lines
        assert "Using the database of the bin/dev that runs here." in lines
    development.signal(signal.SIGINT)
    assert development.wait(60) == 0
    for command in ("bin/migrate", "bin/users list", "bin/sessions list"):
        code, lines = typed(command)
        assert (code, len(lines)) == (78, 2)
        assert lines[0].startswith("bin/dev is not running. Start it, and ")
        assert "DATABASE_URL" in lines[1]
