"""Sessions and the account in a browser: ended elsewhere, changed, deleted; Back shows nothing of them."""

import shlex
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ROOT, Stack, Visitor
from tests.browser.walk import SCREENSHOTS, register, show, sign_in, sign_out
from tests.support.pages import Block
from tests.support.pages import Page as Document
from tests.support.service import clean_environ
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

COME_BACK = "dispatchEvent(new Event('focus'))"
"""What a browser says to a page whose window was chosen again; playwright's windows never lose the focus."""
BACKGROUND = "selector => getComputedStyle(document.querySelector(selector)).backgroundColor"


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
    page.hover("#delete-title")
    keep, delete = (page.evaluate(BACKGROUND, name) for name in ("[value=keep]", "#delete-confirm"))
    assert (keep, delete) == ("rgba(0, 0, 0, 0)", "rgb(156, 34, 34)")
    page.click("#delete-confirm")
    show(page, "anonymous")
    sign_in(page, stack, "emmy.noether@example.com")
    show(page, "register")


def test_a_session_begun_elsewhere_appears_without_a_reload(stack: Stack, visitor: Visitor) -> None:
    first, second = visitor(), visitor()
    register(first, stack, "sophie.germain@example.com")
    sign_in(second, stack, "sophie.germain@example.com")
    show(second, "dashboard")
    first.fill("#profile-name", "being typed")
    first.evaluate(COME_BACK)
    wait_for_sessions(first, 2)
    assert first.input_value("#profile-name") == "being typed"
    second.click("#end-others")
    second.wait_for_selector("#message:has-text('signed out everywhere else')")
    first.evaluate(COME_BACK)
    show(first, "anonymous")


def test_saving_a_name_says_so_and_an_empty_one_is_not_saved(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "mary.cartwright@example.com")
    for empty in ("", "   "):
        page.fill("#profile-name", empty)
        page.click("#profile-submit")
        assert page.is_visible("#profile-name:invalid")
    page.reload()
    show(page, "dashboard")
    assert page.inner_text("#user-name") == "Mary Cartwright"
    page.fill("#profile-name", "Dame Mary")
    page.click("#profile-submit")
    said = page.locator("#profile-form [role=status]:has-text('Your name is saved.')")
    said.wait_for()
    assert page.inner_text("#user-name") == "Dame Mary"
    button, words = page.locator("#profile-submit").bounding_box(), said.bounding_box()
    assert button
    assert words
    assert 0 <= words["x"] - (button["x"] + button["width"]) < 30
    assert button["y"] <= words["y"] < button["y"] + button["height"]


def test_groups_that_a_provider_tells_are_shown(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "grace@example.com")
    assert page.locator("#groups li").all_inner_texts() == ["admirals", "analysts"]
    assert page.is_hidden("#no-groups")


def test_the_commands_for_groups_work_as_they_are_shown(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "ada.yonath@example.com")
    assert page.is_visible("#no-groups")

    def run(selector: str) -> None:
        line = shlex.split(page.inner_text(selector))
        environ = clean_environ({"DATABASE_URL": stack.database_url})
        subprocess.run(line, cwd=ROOT, env=environ, check=True)
        page.evaluate(COME_BACK)

    run("#join-group")
    page.wait_for_selector("#groups li:text-is('staff')")
    run("#leave-group")
    page.wait_for_selector("#no-groups:visible")


def test_a_command_for_groups_does_not_trust_an_address(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "o'brien&co@example.com")
    _, _, _, person, group = shlex.split(page.inner_text("#join-group"))
    assert uuid.UUID(person)
    assert group == "staff"


def test_back_after_sign_out_shows_nobody(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "rosalind.franklin@example.com")
    # The API's own answer as a page, too: nothing of it may come out of a cache.
    page.goto(f"{stack.api_url}/auth/session")
    assert "rosalind.franklin" in page.inner_text("body")
    page.goto(f"{stack.frontend_url}/dashboard")
    show(page, "dashboard")
    sign_out(page)
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
