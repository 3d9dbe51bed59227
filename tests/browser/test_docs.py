"""The API reference at /docs in a browser."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import SCREENSHOTS, register
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

GET_SESSION = "#operations-Session-getSession"


def open_docs(page: "Page", stack: Stack) -> None:
    page.goto(f"{stack.api_url}/docs")
    page.wait_for_selector(GET_SESSION)


def focused_path(page: "Page") -> str:
    return str(page.evaluate("document.activeElement.closest('.opblock')?.id ?? ''"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_operation_is_shown_and_nothing_is_asked_of_anybody_else(
    stack: Stack, visitor: Visitor, theme: str
) -> None:
    page = visitor(width=1280, height=1000, dark=theme == "dark")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_docs(page, stack)
    paths = requests.get(f"{stack.api_url}/openapi.json", timeout=5).json()["paths"].values()
    operations = [method for item in paths for method in item if method not in {"head", "parameters"}]
    assert page.locator(".opblock").count() == len(operations)
    assert "connected-backend" in page.inner_text(".info .title")
    page.screenshot(path=SCREENSHOTS / f"docs-{theme}.png", full_page=True)
    page.click(f"{GET_SESSION} .opblock-summary-control")
    page.wait_for_selector(f"{GET_SESSION} .responses-table")
    page.screenshot(path=SCREENSHOTS / f"docs-operation-{theme}.png")
    own = urlsplit(stack.api_url).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {own}


def test_an_operation_is_reached_and_opened_by_keyboard(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    open_docs(page, stack)
    for _ in range(200):
        page.keyboard.press("Tab")
        if focused_path(page) == GET_SESSION.removeprefix("#"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{GET_SESSION} .responses-table")


def test_a_read_can_be_tried_out_as_who_is_signed_in(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "karen.sparckjones@example.com")
    open_docs(page, stack)
    page.click(f"{GET_SESSION} .opblock-summary-control")
    page.click(f"{GET_SESSION} .try-out__btn")
    page.click(f"{GET_SESSION} .execute")
    answer = page.locator(f"{GET_SESSION} .live-responses-table .response .microlight").first
    until(lambda: "karen.sparckjones" in answer.inner_text(), seconds=10, what="the answer")


def test_what_people_wrote_is_shown_as_text(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "mary.kenneth.keller@example.com")
    name = "<img src=x onerror=document.title='taken'>"
    status = page.evaluate(
        """([url, name]) => fetch(`${url}/auth/user`, {
          method: "PATCH",
          credentials: "include",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ name }),
        }).then((response) => response.status)""",
        [stack.api_url, name],
    )
    assert status == 200
    open_docs(page, stack)
    page.click(f"{GET_SESSION} .opblock-summary-control")
    page.click(f"{GET_SESSION} .try-out__btn")
    page.click(f"{GET_SESSION} .execute")
    answer = page.locator(f"{GET_SESSION} .live-responses-table .response .microlight").first
    until(lambda: name in answer.inner_text(), seconds=10, what="the name")
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "connected-backend: API reference"


def test_what_changes_something_cannot_be_tried_out(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    open_docs(page, stack)
    page.click("#operations-Account-deleteUser .opblock-summary-control")
    page.wait_for_selector("#operations-Account-deleteUser .responses-table")
    assert page.locator("#operations-Account-deleteUser .try-out__btn").count() == 0
