"""The peers do the work that they are measured by."""

import re
import subprocess
from pathlib import Path

import psycopg
import pytest
import requests

from bench.build import PEERS, Built, build
from bench.cases import ANONYMOUS, CASES, EXHAUSTED, STACKS, UNLIMITED, check
from bench.comparison import only_user
from bench.servers import PROXIED, Running, running, servers
from tests.support.live_session import insert_live_session
from tests.support.service import ROOT
from tests.support.waiting import until

full = pytest.mark.full
ENDED = {
    "revoked": "UPDATE sessions SET revoked_at = now()",
    "expired": "UPDATE sessions SET expires_at = now()",
    "idle": "UPDATE sessions SET idle_expires_at = now()",
    "disabled": "UPDATE users SET disabled_at = now()",
}


@pytest.fixture(scope="module")
def built() -> Built:
    return build()


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


def answer(service: Running, path: str, cookie: str) -> requests.Response:
    return requests.get(service.url + path, headers={**PROXIED, "Cookie": cookie}, timeout=10)


@full
@pytest.mark.parametrize("name", STACKS)
def test_every_answer_of_a_peer_is_as_ours(name: str, built: Built, database_url: str) -> None:
    cookie = insert_live_session(database_url)["Cookie"]
    server, user = servers(built)[name], only_user(database_url)
    for case in CASES:
        with running(server, database_url=database_url, rate_limit=case.rate_limit) as service:
            check(case, name, service, cookie=cookie, user=user)


@full
@pytest.mark.parametrize("name", STACKS)
def test_a_peer_asks_the_database_for_each_request(name: str, built: Built, database_url: str) -> None:
    with running(servers(built)[name], database_url=database_url, rate_limit=UNLIMITED) as service:
        for ending in ENDED.values():
            cookie = insert_live_session(database_url)["Cookie"]
            assert answer(service, "/auth/session", cookie).json()["authenticated"] is True
            assert answer(service, "/auth/verify?anyone=1", cookie).status_code == 200
            change(database_url, ending)
            assert answer(service, "/auth/session", cookie).json() == ANONYMOUS
            assert answer(service, "/auth/verify?anyone=1", cookie).status_code == 401
            change(database_url, "DELETE FROM users")


@full
@pytest.mark.parametrize("name", STACKS)
def test_a_peer_limits_each_client_that_the_proxy_names(name: str, built: Built, database_url: str) -> None:
    with running(servers(built)[name], database_url=database_url, rate_limit=EXHAUSTED) as service:
        statuses = [answer(service, "/auth/session", "").status_code for _ in range(12)]
        assert statuses == [200] * 10 + [429] * 2
        stranger = {**PROXIED, "X-Forwarded-For": "203.0.113.8"}
        assert requests.get(f"{service.url}/auth/session", headers=stranger, timeout=10).status_code == 200


@full
@pytest.mark.parametrize("name", [*STACKS, "falcon"])
def test_every_request_is_logged(name: str, built: Built, database_url: str) -> None:
    with running(servers(built)[name], database_url=database_url, rate_limit=UNLIMITED) as service:
        before = service.log.read_text().count("/health")
        for _ in range(7):
            answer(service, "/health", "")
        # gunicorn writes its line after the answer, so that of the start may come late.
        logged = lambda: service.log.read_text().count("/health") >= before + 7  # noqa: E731  # read once
        until(logged, seconds=5, what="a line for each")


@full
def test_a_run_writes_its_page_and_plots_where_it_is_told(built: Built, tmp_path: Path) -> None:
    committed = (ROOT / "docs" / "benchmarks.md").read_bytes()
    command = [str(ROOT / "bench" / "run"), "--quick", "--only", "session", "--only", "keys"]
    command += ["--output", str(tmp_path), "--results", str(tmp_path / "results.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "min left] round 1 of 1: session, ours" in done.stderr
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"benchmarks.md", "benchmarks.svg", "benchmarks-growth.svg", "results.json"}
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    [fastapi] = re.findall(r"signed in, requests a second \| FastAPI \| ([\d.]+) ", text)
    assert float(fastapi) > 0
    assert (ROOT / "docs" / "benchmarks.md").read_bytes() == committed


def test_what_peers_share_with_this_service_has_the_same_version() -> None:
    def versions(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))

    ours, theirs = versions(ROOT / "requirements" / "all.txt"), versions(PEERS / "requirements.txt")
    shared = {"gunicorn", "psycopg", "psycopg-binary", "psycopg-pool"}
    assert shared <= ours.keys() & theirs.keys()
    assert {name: theirs[name] for name in ours.keys() & theirs.keys()} == {
        name: ours[name] for name in ours.keys() & theirs.keys()
    }
