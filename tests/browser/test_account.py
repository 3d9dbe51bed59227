"""Sessions and the account in a browser: ended elsewhere, changed, deleted; Back shows nothing of them."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import SCREENSHOTS, register, show, sign_in
from tests.support.pages import Block
from tests.support.pages import Page as Document
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def end_buttons(page: "Page") -> int:
    # A name for it, as playwright's types are there in bin/ci alone.
    count: int = page.locator("[data-testid=end-session]:visible").count()
    return count


def wait_for_sessions(page: "Page", count: int) -> None:
    rows = page.locator("[data-testid=session]")
    until(lambda: rows.count() == count, seconds=10, what=f"{count} sessions in the list")


def test_a_session_is_ended_from_another_browser(stack: Stack, visitor: Visitor) -> None:
    first, second, third = visitor(), visitor(), visitor()
    register(first, stack, "mary.somerville@example.com")
    for page in (second, third):
        sign_in(page, stack, "mary.somerville@example.com")
        show(page, "dashboard")
    first.reload()
    show(first, "dashboard")
    assert end_buttons(first) == 2
    first.screenshot(path=SCREENSHOTS / "sessions.png", full_page=True)
    # The latest seen is first, and that is this one.
    first.locator("[data-testid=end-session]:visible").first.click()
    wait_for_sessions(first, 2)
    first.click("#end-others")
    wait_for_sessions(first, 1)
    assert first.is_hidden("#end-others")
    for page in (second, third):
        page.reload()
        show(page, "anonymous")


def test_a_name_is_changed_and_an_account_deleted(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "emmy.noether@example.com")
    page.fill("#profile-name", "Amalie Emmy Noether")
    page.click("#profile-submit")
    page.wait_for_selector("#user-name:text-is('Amalie Emmy Noether')")
    page.click("#delete-account")
    page.screenshot(path=SCREENSHOTS / "delete.png", full_page=True)
    page.keyboard.press("Escape")
    page.reload()
    show(page, "dashboard")
    page.click("#delete-account")
    page.click("#delete-confirm")
    show(page, "anonymous")
    sign_in(page, stack, "emmy.noether@example.com")
    show(page, "register")


def test_back_after_sign_out_shows_nobody(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "rosalind.franklin@example.com")
    # The API's own answer as a page, too: nothing of it may come out of a cache.
    page.goto(f"{stack.api_url}/auth/session")
    assert "rosalind.franklin" in page.inner_text("body")
    page.goto(f"{stack.frontend_url}/dashboard")
    show(page, "dashboard")
    page.click("#sign-out")
    show(page, "anonymous")
    page.go_back()
    show(page, "anonymous")
    page.go_back()
    assert '"authenticated":false' in page.inner_text("body")


@pytest.mark.parametrize("block", Document("sign-in.md").blocks("js"), ids=str)
def test_the_call_in_the_docs_works_from_the_frontend(block: Block, stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "hedy.lamarr@example.com")
    session = page.evaluate(f"async (apiUrl) => {{ {block.text}; return session; }}", stack.api_url)
    assert session["user"]["email"] == "hedy.lamarr@example.com"
