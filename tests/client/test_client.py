"""client/ as npm packs it: checked by TypeScript, and run by Node.js against the real service."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dev import client
from dev.postgres import EmbeddedPostgres
from tests.client.packages import npm
from tests.conftest import TEMPLATE
from tests.ops.test_commands import unreachable
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.pages import Block, Page
from tests.support.service import Service, free_port
from tests.support.waiting import until

pytestmark = pytest.mark.full

AWAY = "Database unavailable"
PAGE = Page("client.md")


def test_its_types_are_those_of_the_description(client_folder: Path) -> None:
    made = client.schema_source(client.document(), client_folder)
    assert client.SCHEMA.read_text(encoding="utf-8") == made


def test_typescript_finds_nothing(client_folder: Path) -> None:
    npm(client_folder, "run", "check")


def test_what_npm_packs_is_sources_and_types(client_folder: Path) -> None:
    [packed] = json.loads(npm(client_folder, "pack", "--json"))
    names = {file["path"] for file in packed["files"]}
    sources = {f"src/{name}.js" for name in ("errors", "index", "operations", "wait")}
    types = {f"types/{name}.d.ts" for name in ("errors", "index", "operations", "schema", "types", "wait")}
    assert names == {"README.md", "package.json", *sources, *types}


@pytest.mark.parametrize(("commands", "example"), [(*PAGE.blocks("sh"), *PAGE.blocks("ts"))], ids=str)
def test_what_the_page_types_makes_a_package_that_compiles_strictly(
    commands: Block, example: Block, tmp_path: Path
) -> None:
    frontend = tmp_path / "frontend"
    frontend.mkdir()
    shutil.copytree(
        client.CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("node_modules", "types")
    )
    said = subprocess.check_output(["bash", "-ec", commands.text], cwd=tmp_path, text=True)
    npm(frontend, "install", "--no-audit", str(tmp_path / "client" / said.split()[-1]))
    (frontend / "package.json").write_text('{"type": "module"}')
    (frontend / "page.ts").write_text(example.text)
    tsc = tmp_path / "client" / "node_modules" / ".bin" / "tsc"
    options = ["--strict", "--noEmit", "--target", "ES2022", "--module", "NodeNext"]
    done = subprocess.run(
        [tsc, *options, "page.ts"], cwd=frontend, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@contextmanager
def failing_once(service: Service, postgres: EmbeddedPostgres, url: str, asked: Path) -> Iterator[None]:
    """Once the file `asked` is there, the service has no database until it has said so.

    The file goes when the outage has begun.
    """

    def fail() -> None:
        until(asked.exists, seconds=120, what="the request for an outage")
        with unreachable(postgres, url):
            asked.unlink()
            until(lambda: AWAY in service.messages(), seconds=60, what="a refused call")

    outage = threading.Thread(target=fail, daemon=True)
    outage.start()
    yield
    outage.join(60)


def test_its_calls_do_what_they_say(
    client_folder: Path,
    make_service: Callable[..., Service],
    postgres: EmbeddedPostgres,
    database_url: str,
) -> None:
    signed_in = insert_live_session(database_url)
    pending = insert_live_session(database_url, pending="grace")
    with ExitStack() as stack:
        failing_url, broken_url = (
            stack.enter_context(fresh_database(postgres, template=TEMPLATE)) for _ in range(2)
        )
        service, limited = make_service(), make_service(RATE_LIMIT="3/second")
        failing, broken = (Service(database_url=url) for url in (failing_url, broken_url))
        stack.callback(failing.kill)
        stack.callback(broken.kill)
        for started in (service, limited, failing, broken):
            started.wait_until_serving()
        brief = insert_live_session(failing_url)
        stack.enter_context(unreachable(postgres, broken_url))
        asked = client_folder / "outage"
        stack.enter_context(failing_once(failing, postgres, failing_url, asked))
        said = npm(
            client_folder,
            "test",
            SERVICE=service.url,
            LIMITED_SERVICE=limited.url,
            FAILING_SERVICE=failing.url,
            BROKEN_SERVICE=broken.url,
            NOBODY=f"http://127.0.0.1:{free_port()}",
            COOKIE=signed_in["Cookie"],
            PENDING_COOKIE=pending["Cookie"],
            FAILING_COOKIE=brief["Cookie"],
            OUTAGE=str(asked),
            ORIGIN=signed_in["Origin"],
        )
    assert "# fail 0" in said
    assert "# pass 15" in said
