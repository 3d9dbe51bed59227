"""Two providers: chosen, linked, removed; the same person with either. By keyboard alone, too."""

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import become, press, register, show, sign_in, sign_out

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

USER_ID = """async (apiUrl) =>
    (await (await fetch(`${apiUrl}/auth/user`, { credentials: "include" })).json()).id"""


def user_id(page: "Page", stack: Stack) -> str:
    return str(page.evaluate(USER_ID, stack.api_url))


def link_second(page: "Page", email: str) -> None:
    page.click("[data-link=second]")
    become(page, email)
    show(page, "dashboard")


def identities(page: "Page") -> list[str]:
    labels: list[str] = page.locator("[data-testid=identity] strong").all_inner_texts()
    return labels


def test_who_signs_in_with_a_linked_provider_is_the_same_person(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    page.goto(f"{stack.frontend_url}/tokens")
    show(page, "anonymous")
    page.click("#choose")
    page.click("text=Continue with Provider One")
    become(page, "maria.agnesi@example.com")
    show(page, "register")
    page.click("#register-submit")
    show(page, "tokens")
    person = user_id(page, stack)

    page.click("nav >> text=Account")
    show(page, "dashboard")
    link_second(page, "agnesi@example.org")
    page.wait_for_selector("#message:has-text('You can sign in with Provider Two, too.')")
    assert identities(page) == ["Provider One", "Provider Two"]
    assert page.url == f"{stack.frontend_url}/dashboard"

    sign_out(page)
    sign_in(page, stack, "agnesi@example.org", provider="second")
    show(page, "dashboard")
    assert user_id(page, stack) == person

    page.click("[data-testid=remove-identity] >> nth=0")
    page.wait_for_selector("#message:has-text('Provider One is removed.')")
    assert identities(page) == ["Provider Two"]


def test_the_only_way_to_sign_in_cannot_be_removed_and_the_page_says_why(
    stack: Stack, visitor: Visitor
) -> None:
    page = visitor()
    register(page, stack, "lise.meitner@example.com")
    assert page.is_hidden("[data-testid=remove-identity]")
    assert page.is_visible("text=This is your only way to sign in, so you cannot remove it.")
    assert page.locator("[data-link]").all_inner_texts() == [
        "Link another account of Provider One",
        "Link Provider Two",
    ]
    link_second(page, "meitner@example.org")
    assert page.locator("[data-testid=remove-identity]:visible").count() == 2
    assert page.is_hidden("#only-identity")
    assert page.locator("[data-link]").all_inner_texts() == [
        "Link another account of Provider One",
        "Link another account of Provider Two",
    ]
    page.click("[data-testid=remove-identity] >> nth=1")
    page.wait_for_selector("#only-identity:visible")
    assert page.is_hidden("[data-testid=remove-identity]")


def test_a_way_that_another_window_made_the_only_one_is_kept(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    register(page, stack, "irene.curie@example.com")
    link_second(page, "curie@example.org")
    other = page.context.new_page()
    other.goto(f"{stack.frontend_url}/dashboard")
    other.click("[data-testid=remove-identity] >> nth=1")
    other.wait_for_selector("#only-identity:visible")
    page.click("[data-testid=remove-identity] >> nth=0")
    page.wait_for_selector("#message.error:has-text('This is your only way to sign in.')")


def test_what_is_somebody_elses_is_not_linked(stack: Stack, visitor: Visitor) -> None:
    other, page = visitor(), visitor()
    register(other, stack, "anna.barbara@example.com")
    link_second(other, "shared@example.org")
    register(page, stack, "sonya.kovalevskaya@example.com")
    link_second(page, "shared@example.org")
    page.wait_for_selector("#message.error:has-text('somebody else')")
    assert identities(page) == ["Provider One"]


def test_somebody_elses_address_is_told_how_to_go_on(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    register(page, stack, "ellen.churchill@example.com")
    sign_out(page)
    sign_in(page, stack, "ellen.churchill@example.com", provider="second")
    show(page, "register")
    page.click("#register-submit")
    page.wait_for_selector("#register-error:has-text('then you can link this one')")


def test_who_signed_in_long_ago_is_asked_to_do_it_again(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    register(page, stack, "amalie.dietrich@example.com")
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("UPDATE sessions SET created_at = created_at - interval '11 minutes'")
    page.click("[data-link=second]")
    page.wait_for_selector("#message.error:has-text('within the last ten minutes')")
    page.click("#message >> text=Sign in again")
    page.click("text=Continue with Provider One")
    become(page, "amalie.dietrich@example.com")
    show(page, "dashboard")
    link_second(page, "amalie@example.org")
    assert identities(page) == ["Provider One", "Provider Two"]


def test_all_of_it_goes_by_keyboard(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    page.goto(stack.frontend_url)
    show(page, "anonymous")
    press(page, "[data-provider=development]")
    page.wait_for_selector("#new-person")
    press(page, "#new-person", "emilie.du.chatelet@example.com")
    show(page, "register")
    press(page, "#register-submit")
    show(page, "dashboard")
    press(page, "[data-link=second]")
    page.wait_for_selector("#new-person")
    press(page, "#new-person", "emilie@example.org")
    show(page, "dashboard")
    page.wait_for_selector("[data-testid=identity] >> nth=1")
    press(page, "[data-testid=identity]:last-child [data-testid=remove-identity]")
    page.wait_for_selector("#message:has-text('Provider Two is removed.')")
    # The button is gone; the way goes on from the heading of its section.
    assert page.evaluate("document.activeElement.id") == "identities-title"
    press(page, "nav a[href='/second-api']")
    show(page, "second-api")
    press(page, "#call")
    page.wait_for_selector("#answer:has-text('emilie.du.chatelet@example.com')")
    press(page, "nav a[href='/dashboard']")
    show(page, "dashboard")
    press(page, "#sign-out")
    show(page, "anonymous")


CONTRAST = """selector => {
    const luminance = (color) => {
        const [red, green, blue] = color.match(/[0-9]+/g).slice(0, 3).map((value) => {
            const part = value / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ink = luminance(getComputedStyle(document.querySelector(selector)).color);
    const paper = luminance(getComputedStyle(document.body).backgroundColor);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""
"""Of text and its page (WCAG 2.2, contrast ratio)."""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_to_choose_from_is_read_and_used_without_a_mouse(
    stack: Stack, visitor: Visitor, *, dark: bool
) -> None:
    page = visitor(dark=dark)
    page.goto(f"{stack.api_url}/auth/login")
    main = page.get_by_role("main")
    assert page.title() == main.get_by_role("heading", level=1).inner_text() == "Sign in"
    assert main.get_by_role("list").get_by_role("link").all_inner_texts() == [
        "Continue with Provider One",
        "Continue with Provider Two",
    ]
    assert page.locator("html").get_attribute("lang") == "en"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(22, 22, 22)" if dark else "rgb(255, 255, 255)")
    for selector in ("h1", ".choice"):
        assert page.evaluate(CONTRAST, selector) >= 4.5
    press(page, "li:last-child .choice")
    page.wait_for_selector("#new-person")
    press(page, "#new-person", f"mary.somerville.{dark}@example.org")
    show(page, "register")
