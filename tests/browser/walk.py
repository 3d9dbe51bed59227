"""Ways through the sample frontend."""

from typing import TYPE_CHECKING

from tests.browser.conftest import ROOT, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENSHOTS = ROOT / ".data" / "screenshots"


def show(page: "Page", view: str) -> None:
    """Wait until the sample frontend shows a view, named as its template in index.html."""
    page.wait_for_selector(f"#main[data-view={view}]")


def sign_in(page: "Page", stack: Stack, email: str, provider: str = "development") -> None:
    page.goto(stack.frontend_url)
    page.click(f"[data-provider={provider}]")
    become(page, email)


def become(page: "Page", email: str) -> None:
    """Tells a development provider who is there."""
    page.fill("#new-person", email)
    page.click("#continue")


def register(page: "Page", stack: Stack, email: str) -> None:
    """Signs in for the first time and registers; leaves the page at the dashboard."""
    sign_in(page, stack, email)
    show(page, "register")
    page.click("#register-submit")
    show(page, "dashboard")


def sign_out(page: "Page") -> None:
    """Signs out, and waits until the page shows it: a later `goto` would end this one's requests."""
    page.click("#sign-out")
    show(page, "anonymous")


def press(page: "Page", selector: str, text: str = "") -> None:
    """Goes there by Tab, types the text, and presses Enter; the focus has to be visible."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"Tab does not lead to {selector}")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", f"nobody sees the focus on {selector}"
    page.keyboard.type(text)
    page.keyboard.press("Enter")
