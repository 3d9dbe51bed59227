"""Ways through the sample frontend."""

from typing import TYPE_CHECKING

from tests.browser.conftest import ROOT, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENSHOTS = ROOT / ".data" / "screenshots"


def show(page: "Page", view: str) -> None:
    """Wait until the sample frontend shows a view, named as its template in index.html."""
    page.wait_for_selector(f"#main[data-view={view}]")


def sign_in(page: "Page", stack: Stack, email: str) -> None:
    page.goto(stack.frontend_url)
    page.click("#sign-in")
    page.fill("#new-person", email)
    page.click("#continue")


def register(page: "Page", stack: Stack, email: str) -> None:
    """Signs in for the first time and registers; leaves the page at the dashboard."""
    sign_in(page, stack, email)
    show(page, "register")
    page.click("#register-submit")
    show(page, "dashboard")
