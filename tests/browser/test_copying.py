"""Copy buttons: what they put into the clipboard, and what happens where the browser refuses."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import register, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

REFUSE = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""


def make_token(page: "Page", stack: Stack, email: str) -> str:
    register(page, stack, email)
    page.goto(f"{stack.frontend_url}/tokens")
    show(page, "tokens")
    page.fill("#token-name", "nightly export")
    page.click("#make-token")
    page.wait_for_selector("#secret:visible")
    return str(page.input_value("#secret"))


def test_a_new_token_and_its_command_are_copied_with_one_click(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = make_token(page, stack, "ruth.moufang@example.com")
    for source, text in (("secret", token), ("try-token", page.inner_text("#try-token"))):
        button = f"[data-copy={source}]"
        page.click(button)
        page.wait_for_selector(f"{button}:text-is('Copied.')")
        assert page.inner_text("#status") == "Copied."
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_refused_clipboard_leaves_the_text_selected(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    make_token(page, stack, "olga.ladyzhenskaya@example.com")
    page.evaluate(REFUSE)
    page.click("[data-copy=try-token]")
    page.wait_for_selector("#message.error:has-text('The text is selected')")
    assert page.evaluate("getSelection().toString()") == page.inner_text("#try-token")
    page.click("[data-copy=secret]")
    assert page.evaluate("getSelection().toString()") == page.input_value("#secret")
