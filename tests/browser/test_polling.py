"""The list of sessions follows what happens elsewhere: one request in ten seconds, none while hidden."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import register, show, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HIDE = "Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })"


def requests_in_half_a_minute(page: "Page", stack: Stack) -> list[str]:
    """The paths that the page asks for in 30 seconds of its clock, which end at once."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(stack.api_url)))
    for _ in range(30):
        page.clock.run_for(1_000)
        page.wait_for_timeout(50)
    return asked


def test_a_session_begun_elsewhere_appears_by_itself_and_an_end_is_noticed(
    stack: Stack, visitor: Visitor
) -> None:
    first, second = visitor(refused=True), visitor()
    first.clock.install()
    register(first, stack, "chien.shiung.wu@example.com")
    sign_in(second, stack, "chien.shiung.wu@example.com")
    show(second, "dashboard")
    first.fill("#profile-name", "being typed")
    first.clock.run_for(10_000)
    first.wait_for_selector("[data-testid=session] >> nth=1")
    assert first.input_value("#profile-name") == "being typed"
    second.click("#end-others")
    second.wait_for_selector("#message:has-text('signed out everywhere else')")
    first.clock.run_for(10_000)
    show(first, "anonymous")


def test_a_visible_page_asks_once_in_ten_seconds_and_a_hidden_one_never(
    stack: Stack, visitor: Visitor
) -> None:
    page = visitor()
    page.clock.install()
    register(page, stack, "vera.rubin@example.com")
    assert requests_in_half_a_minute(page, stack) == ["/auth/sessions"] * 3
    page.evaluate(HIDE)
    assert requests_in_half_a_minute(page, stack) == []


@pytest.mark.parametrize("status", [None, 429, 503])
def test_a_request_that_fails_shows_nothing_and_is_not_tried_sooner(
    stack: Stack, browser: "Browser", status: int | None
) -> None:
    page = browser.new_context().new_page()
    page.clock.install()
    register(page, stack, f"jocelyn.bell.{status}@example.com")
    headers = {
        "Access-Control-Allow-Origin": stack.frontend_url,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
        "Retry-After": "1",
    }
    page.route(
        f"{stack.api_url}/**",
        lambda route: route.fulfill(status=status, headers=headers, json={}) if status else route.abort(),
    )
    assert requests_in_half_a_minute(page, stack) == ["/auth/sessions"] * 3
    show(page, "dashboard")
    assert page.inner_text("#message") == ""
    page.context.close()
