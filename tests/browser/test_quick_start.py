"""docs/quick-start.md is followed to the letter, but for the ports."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dev.conftest import Development, is_listening
from tests.support.pages import Block, Command
from tests.support.pages import Page as Document
from tests.support.service import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PAGE = Document("quick-start.md")
STEP = "3. Ask from your own page"


@contextmanager
def server(command: Command, folder: Path, port: int) -> Iterator[None]:
    """The folder, served as the page says."""
    line = shlex.split(command.line.replace("8000", str(port)))
    process = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_listening(port), seconds=10, what=command.line)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def development(command: Command, data: Path, port: int) -> Iterator[Development]:
    *assignments, program = shlex.split(command.line.replace("8000", str(port)))
    assert program == "bin/dev"
    running = Development(data, **dict(text.split("=", 1) for text in assignments))
    try:
        running.wait_until_serving()
        yield running
    finally:
        running.kill()


@pytest.mark.parametrize(
    ("html", "serve", "develop"), [(*PAGE.blocks("html"), *PAGE.commands(below=STEP))], ids=str
)
def test_the_page_greets_who_signs_in_and_forgets_who_signs_out(
    html: Block, serve: Command, develop: Command, browser: "Browser", tmp_path: Path
) -> None:
    port, folder = free_port(), tmp_path / "page"
    folder.mkdir()
    with server(serve, folder, port), development(develop, tmp_path / "data", port) as running:
        text = re.sub("http://localhost:3000", running.url, html.text)
        (folder / "index.html").write_text(text, encoding="utf-8")
        page = browser.new_context().new_page()
        page.goto(f"http://localhost:{port}/")
        page.wait_for_selector("text=Nobody is signed in.")
        page.click("text=Sign in")
        page.click("text=Continue with Provider One")
        page.click("[data-testid=person][value='ada@example.com']")
        page.wait_for_selector("text=Hello, Ada Lovelace!")
        assert page.url == f"http://localhost:{port}/"
        page.click("#sign-out")
        page.wait_for_selector("text=Nobody is signed in.")
        page.context.close()
