"""docs/forward-auth.md, "Try it": a protected application on hosts that browsers take for this machine."""

import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.walk import become, show
from tests.dev.conftest import Development, is_listening
from tests.support.pages import Command
from tests.support.pages import Page as Document
from tests.support.service import ROOT, clean_environ

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

START, ADD = Document("forward-auth.md").commands(below="Try it")
FIND_PROVIDER = "text=Continue with Provider One"


@pytest.fixture(scope="module", params=[START], ids=str)
def development(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Development]:
    program, *arguments = shlex.split(request.param.line)
    running = Development(tmp_path_factory.mktemp("dev") / "data", program, arguments)
    try:
        running.wait_until_serving()
        yield running
        running.signal(signal.SIGINT)
        assert running.wait(60) == 0
        assert running.is_gone()
        assert not any(is_listening(port) for port in running.ports)
    finally:
        running.kill()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context()
    yield context.new_page()
    context.close()


def host(name: str, port: int) -> str:
    return f"http://{name}.example.localhost:{port}"


def sign_in(page: "Page", email: str) -> None:
    page.click(FIND_PROVIDER)
    become(page, email)


def shown(page: "Page", header: str) -> str:
    return str(page.inner_text(f"[data-header={header}]"))


def test_a_page_leads_to_sign_in_and_back_and_knows_who_is_there(
    development: Development, page: "Page"
) -> None:
    wanted = f"{host('files', development.proxy_port)}/report?year=2026"
    assert wanted.partition("/report")[0] in development.output
    page.goto(wanted)
    assert page.url.startswith(f"{host('api', development.port)}/auth/login?")
    sign_in(page, "zoe.zimmer@example.com")
    assert page.url == wanted
    assert page.inner_text("h1") == "Hello, Zoe Zimmer!"
    assert shown(page, "X-Auth-Email") == "zoe.zimmer@example.com"
    assert shown(page, "X-Auth-Name") == "Zoe Zimmer"
    assert shown(page, "X-Auth-Groups") == "(empty)"
    # The same session, at the frontend.
    page.goto(f"{host('app', development.frontend_port)}/dashboard")
    show(page, "dashboard")


@pytest.mark.parametrize("add", [ADD], ids=str)
def test_who_is_not_in_the_group_is_told_and_enters_once_added(
    add: Command, development: Development, page: "Page", tmp_path: Path
) -> None:
    books = f"{host('books', development.proxy_port)}/"
    assert books.rstrip("/") in development.output
    page.goto(books)
    page.click(FIND_PROVIDER)
    page.click("[data-testid=person][value='ada@example.com']")
    page.wait_for_selector("text=You have no access to this page")
    assert "ada@example.com" in page.inner_text("main")
    assert page.url == books

    program, *arguments = shlex.split(add.line)
    environ = clean_environ({"DEV_DATA_DIR": str(development.data)})
    subprocess.run([ROOT / program, *arguments], env=environ, cwd="/", check=True)
    page.reload()
    assert page.inner_text("h1") == "Hello, Ada Lovelace!"
    assert "finance" in shown(page, "X-Auth-Groups").split(",")


def test_who_is_refused_signs_out_or_comes_with_another_account(
    development: Development, page: "Page"
) -> None:
    books = f"{host('books', development.proxy_port)}/"
    page.goto(books)
    sign_in(page, "kim@example.com")
    page.click("text=Use another account")
    sign_in(page, "lee@example.com")
    page.wait_for_selector("main >> text=lee@example.com")
    page.click("text=Sign out")
    page.wait_for_url(f"{host('app', development.frontend_port)}/**")
    page.goto(books)
    page.wait_for_selector(FIND_PROVIDER)


def test_the_application_itself_signs_people_out(development: Development, page: "Page") -> None:
    files = f"{host('files', development.proxy_port)}/"
    page.goto(files)
    sign_in(page, "kim@example.com")
    page.click("text=Sign out")
    page.wait_for_url(f"{host('app', development.frontend_port)}/**")
    page.goto(files)
    page.wait_for_selector(FIND_PROVIDER)
