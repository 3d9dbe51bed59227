"""A service with somebody's API token, and the page's two verifiers, each before that service."""

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from app.accounts.credentials import api_token_hash, new_api_token
from tests.support.pages import Block, Page
from tests.support.service import PRODUCTION, ROOT, Service, clean_environ, free_port
from tests.support.waiting import until

PAGE = Page("other-services.md")
[PYTHON] = PAGE.blocks("python")
[NODE] = PAGE.blocks("js")
PAGES_API = "https://api.example.com"
JOSE = "jose@6.2.18"
INSERT = """
    WITH person AS (INSERT INTO users (email, name) VALUES (%s, 'Ada Lovelace') RETURNING id)
    INSERT INTO api_tokens (user_id, name, token_hash, slot) SELECT id, 'ci', %s, 1 FROM person
    RETURNING id, user_id
"""
ASK_PYTHON = """
import json, sys
def answer(token):
    try:
        return caller(token)
    except jwt.PyJWTError:
        return None
print(json.dumps([answer(token) for token in json.load(sys.stdin)]))
"""
ASK_NODE = """
import { readFileSync } from "node:fs";
const answers = [];
for (const token of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await caller(token).catch(() => null));
}
console.log(JSON.stringify(answers));
"""

SECRET = PRODUCTION["SESSION_SECRET"]

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Script:
    """Somebody's script, with an API token."""

    issuer: str
    token_id: str
    user_id: str
    bearer: str

    def new_token(self, audience: str | None = None) -> str:
        body = {"audience": audience} if audience else {}
        headers = {"Authorization": f"Bearer {self.bearer}"}
        answer = requests.post(f"{self.issuer}/auth/token", json=body, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@dataclass(frozen=True, slots=True)
class Verifier:
    """One of the page's examples, run by its language; a new process each time, so with nothing cached."""

    block: Block
    command: Sequence[str]
    ending: str
    question: str
    folder: Path

    def claims(self, issuer: str, *tokens: str) -> list[Claims | None]:
        """What the example says of each token; None where it refuses."""
        source = self.block.text.replace(PAGES_API, issuer) + self.question
        path = self.folder / f"{secrets.token_hex(4)}{self.ending}"
        path.write_text(source, encoding="utf-8")
        ran = subprocess.run(
            [*self.command, str(path)],
            input=json.dumps(tokens),
            env=clean_environ({}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        answers: list[Claims | None] = json.loads(ran.stdout)
        return answers


class SecondAPI:
    """dev/second_api.py, which has to judge as the examples do; started anew each time, too."""

    def claims(self, issuer: str, *tokens: str) -> list[Claims | None]:
        port = free_port()
        command = [sys.executable, "-m", "dev.second_api", "--port", str(port)]
        process = subprocess.Popen([*command, "--issuer", issuer, "--audience", issuer], cwd=ROOT)
        try:
            url = f"http://127.0.0.1:{port}/"
            until(lambda: requests.get(url, timeout=10).status_code == 401, seconds=30, what="the second API")
            answers = [
                requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
                for token in tokens
            ]
        finally:
            process.terminate()
            process.wait(10)
        assert {answer.status_code for answer in answers} <= {200, 401}
        return [answer.json() if answer.status_code == 200 else None for answer in answers]


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `import "jose"` works."""
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), JOSE]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(
    params=[PYTHON, pytest.param(NODE, marks=pytest.mark.full), None], ids=["python", "node", "second-api"]
)
def verifier(request: pytest.FixtureRequest, tmp_path: Path) -> Verifier | SecondAPI:
    block: Block | None = request.param
    if block is None:
        return SecondAPI()
    if block is PYTHON:
        return Verifier(block, [sys.executable], ".py", ASK_PYTHON, tmp_path)
    return Verifier(block, ["node"], ".mjs", ASK_NODE, request.getfixturevalue("node_folder"))


@pytest.fixture
def serve(make_service: Callable[..., Service]) -> Callable[..., Service]:
    """Starts a service over http, the next one in place of the one before."""
    port, running = free_port(), list[Service]()

    def start(**environ: str) -> Service:
        for before in running:
            before.kill()
        issuer = f"http://127.0.0.1:{port}"
        audiences = f"{issuer},reports"
        settings = {"APP_ENV": "test", "API_URL": issuer, "TOKEN_AUDIENCES": audiences, **environ}
        service = make_service(port=port, **settings)
        running[:] = [service]
        service.wait_until_serving()
        return service

    return start


@pytest.fixture
def script(serve: Callable[..., Service], connection: psycopg.Connection[Any]) -> Script:
    """At a service that runs with the secret of PRODUCTION."""
    service = serve()
    bearer = new_api_token()
    row: Any = connection.execute(INSERT, ["ada@example.com", api_token_hash(bearer)]).fetchone()
    return Script(service.url, str(row[0]), str(row[1]), bearer)
