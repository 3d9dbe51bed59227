"""client/example: a React page over the packed client, built strictly, in a browser beside bin/dev."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.settings.environment import embedded_database_url
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.client.packages import QUIET, npm
from tests.dev.conftest import Development, is_listening
from tests.support.service import free_port
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.full

END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres'"


@contextmanager
def built(client_folder: Path, folder: Path, *, api_url: str, port: int) -> Iterator[None]:
    """The page is served."""
    [packed] = npm(client_folder, "pack", "--silent").split()
    shutil.copytree(client_folder / "example", folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    npm(folder, "ci", "--ignore-scripts", *QUIET)
    npm(folder, "install", "--no-save", "--ignore-scripts", *QUIET, str(client_folder / packed))
    npm(folder, "run", "build", VITE_API_URL=api_url)
    vite = folder / "node_modules" / "vite" / "bin" / "vite.js"
    command = ["node", str(vite), "preview", "--strictPort", "--host", "localhost", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        until(lambda: is_listening(port), seconds=30, what="vite preview")
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def page_in_a_browser() -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # `bin/test` collects this file without it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser.new_page()
        browser.close()


def in_the_database(data: Path, *statements: str, database: str = "template1") -> None:
    """Runs them in a database of bin/dev's server; the service's is called postgres."""
    url = embedded_database_url({"DEV_DATA_DIR": str(data)}).replace("@/postgres?", f"@/{database}?")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_it_signs_in_shows_the_person_and_says_what_a_401_and_a_503_mean(
    client_folder: Path, tmp_path: Path
) -> None:
    port, data = free_port(), tmp_path / "data"
    origin = f"http://localhost:{port}"
    running = Development(data, WEBAPP_URL=origin, REGISTRATION="automatic")
    try:
        running.wait_until_serving()
        with (
            built(client_folder, tmp_path / "example", api_url=running.url, port=port),
            page_in_a_browser() as page,
        ):
            page.goto(origin)
            page.click("text=Sign in")
            page.click("text=Continue with Provider One")
            page.click("[data-testid=person][value='ada@example.com']")
            page.wait_for_selector("h1:has-text('Hello, Ada Lovelace!')")
            assert page.url == f"{origin}/"
            page.click("text=Where am I signed in?")
            page.wait_for_selector("li:has-text('(here)')")

            in_the_database(data, "UPDATE sessions SET revoked_at = now()", database="postgres")
            page.click("text=Where am I signed in?")
            page.wait_for_selector("text=Your session has ended.")
            page.click("text=Sign in")
            page.click("text=Continue with Provider One")
            page.click("[data-testid=person][value='ada@example.com']")
            page.wait_for_selector("h1:has-text('Hello, Ada Lovelace!')")

            in_the_database(data, "ALTER DATABASE postgres ALLOW_CONNECTIONS false", END_OTHERS)
            page.click("text=Where am I signed in?")
            page.wait_for_selector("text=The service is away for the moment.")
            in_the_database(data, "ALTER DATABASE postgres ALLOW_CONNECTIONS true")
            page.click("text=Try again")
            page.wait_for_selector("h1:has-text('Hello, Ada Lovelace!')")
            page.click("text=Sign out")
            page.wait_for_selector("a:has-text('Sign in')")
    finally:
        running.kill()
