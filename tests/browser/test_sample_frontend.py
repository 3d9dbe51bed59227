"""Walks through `bin/dev` with a real browser, as somebody does who tries the service for the first time."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import SCREENSHOTS, show, sign_in, sign_out

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_somebody_new_registers_and_signs_out_of_one_browser_only(stack: Stack, visitor: Visitor) -> None:
    first, second = visitor(), visitor()

    sign_in(first, stack, "alan.turing@example.com")
    show(first, "register")
    assert first.input_value("#register-name") == "Alan Turing"
    first.fill("#register-name", "Alan M. Turing")
    first.click("#register-submit")
    show(first, "dashboard")
    assert first.inner_text("#user-name") == "Alan M. Turing"
    assert first.inner_text("#user-email") == "alan.turing@example.com"
    assert first.locator("[data-testid=session]").count() == 1

    sign_in(second, stack, "alan.turing@example.com")
    show(second, "dashboard")
    assert second.inner_text("#user-name") == "Alan M. Turing"
    assert second.locator("[data-testid=session]").count() == 2
    assert second.locator("[data-testid=session] [data-testid=current]:visible").count() == 1

    sign_out(first)
    first.reload()
    show(first, "anonymous")
    first.goto(f"{stack.frontend_url}/dashboard")
    show(first, "anonymous")

    second.reload()
    show(second, "dashboard")
    assert second.locator("[data-testid=session]").count() == 1


def test_a_predefined_person_signs_in_with_one_click(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    page.goto(stack.frontend_url)
    page.click("[data-provider=development]")
    page.click("[data-testid=person][value='ada@example.com']")
    show(page, "register")
    assert page.input_value("#register-name") == "Ada Lovelace"
    page.goto(stack.frontend_url)
    show(page, "unregistered")
    page.click("#to-register")
    page.click("#register-submit")
    show(page, "dashboard")
    assert page.inner_text("#user-name") == "Ada Lovelace"
    page.goto(f"{stack.frontend_url}/auth/register")
    show(page, "dashboard")


def test_denied_consent_is_explained_and_can_be_tried_again(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    page.goto(stack.frontend_url)
    page.click("[data-provider=development]")
    page.click("#deny")
    show(page, "login-error")
    assert page.inner_text("#login-error-code") == "access_denied"
    assert "cancelled" in page.inner_text("#login-error")
    page.click("#try-again")
    page.click("text=Continue with Provider Two")
    page.wait_for_selector("#new-person")


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere.html"])
def test_an_unknown_page_leads_back(stack: Stack, visitor: Visitor, path: str) -> None:
    page = visitor(refused=True)
    page.goto(stack.frontend_url + path)
    show(page, "not-found")
    assert f"Nothing is at {path}." in page.inner_text("#main")
    page.click("#main >> text=Home")
    show(page, "anonymous")


def test_an_outage_is_not_shown_as_being_signed_out(stack: Stack, browser: "Browser") -> None:
    page = browser.new_page()
    page.route(f"{stack.api_url}/**", lambda route: route.abort())
    page.goto(stack.frontend_url)
    show(page, "unavailable")
    page.unroute_all()
    page.click("#retry")
    show(page, "anonymous")
    page.close()


def test_a_rate_limit_says_how_long_to_wait(stack: Stack, browser: "Browser") -> None:
    page = browser.new_page()
    page.clock.install()
    headers = {
        "Access-Control-Allow-Origin": stack.frontend_url,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
        "Retry-After": "7",
    }
    # Development exempts loopback from the limits, so the answer is given here.
    page.route(f"{stack.api_url}/**", lambda route: route.fulfill(status=429, headers=headers, json={}))
    page.goto(stack.frontend_url)
    show(page, "rate-limited")
    assert "7 s" in page.inner_text("#retry-after")
    assert page.is_disabled("#retry")
    page.unroute_all()
    page.clock.fast_forward(7_000)
    page.click("#retry")
    show(page, "anonymous")
    page.close()


@pytest.mark.parametrize(
    ("look", "width", "dark"),
    [
        ("desktop", 1280, False),
        ("phone", 360, False),
        ("dark.desktop", 1280, True),
        ("dark.phone", 360, True),
    ],
)
def test_each_page_fits_its_window(
    stack: Stack, visitor: Visitor, look: str, width: int, *, dark: bool
) -> None:
    page = visitor(width=width, dark=dark, refused=True)

    def look_at(name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name

    page.goto(stack.frontend_url)
    show(page, "anonymous")
    look_at("home")
    page.click("[data-provider=development]")
    page.wait_for_selector("#new-person")
    look_at("provider")
    page.click("#deny")
    show(page, "login-error")
    look_at("error")
    page.click("#try-again")
    page.wait_for_selector(".choice")
    look_at("chooser")
    page.click("text=Continue with Provider One")
    page.fill("#new-person", f"somebody.with.a.rather.long.address.on.the.{look}@example.com")
    page.click("#continue")
    show(page, "register")
    look_at("register")
    page.click("#register-submit")
    show(page, "dashboard")
    look_at("dashboard")
    page.click("#delete-account")
    look_at("delete")
    page.keyboard.press("Escape")
    page.click("[data-link=second]")
    page.click("#deny")
    page.wait_for_selector("#message.error")
    look_at("refused")
    page.click("nav >> text=Tokens")
    show(page, "tokens")
    page.fill("#token-name", "nightly-export-with-a-rather-long-name-and-no-blanks")
    page.click("#make-token")
    page.wait_for_selector("#secret:visible")
    look_at("tokens")
    page.click("nav >> text=Second API")
    show(page, "second-api")
    page.click("#call")
    page.wait_for_selector("#answer:has-text('200')")
    look_at("second-api")
    page.goto(f"{stack.frontend_url}/nowhere")
    show(page, "not-found")
    look_at("not-found")
