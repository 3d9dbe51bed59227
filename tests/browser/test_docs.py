"""The API reference at /docs in a browser."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import SCREENSHOTS, register

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

GET_SESSION = "#operations-Session-getSession"


def open_docs(page: "Page", stack: Stack) -> None:
    page.goto(f"{stack.api_url}/docs")
    page.wait_for_selector(GET_SESSION)


def tried(page: "Page", operation: str, status: str, **parameters: str) -> Any:
    """What the page shows as the answer's body; None where there is none."""
    block = page.locator(f"#operations-{operation}")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    for name, value in parameters.items():
        block.locator(f"[data-param-name={name}] input").fill(value)
    block.locator(".execute").click()
    answer = block.locator(".live-responses-table .response")
    answer.wait_for()
    shown = answer.locator(".response-col_status").inner_text()
    body = answer.locator("h5:has-text('Response body') + div code")
    assert shown == status, answer.inner_text()
    text = body.inner_text() if body.count() else "null"
    # The next time, it is tried anew.
    block.locator(".btn-clear").click()
    block.locator(".try-out__btn").click()
    block.locator(".opblock-summary-control").click()
    return json.loads(text)


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


def test_calls_are_tried_as_the_person_who_is_signed_in(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "karen.sparckjones@example.com")
    open_docs(page, stack)
    assert tried(page, "Session-getSession", "200")["user"]["email"] == "karen.sparckjones@example.com"
    made = tried(page, "API_tokens-createToken", "201")
    assert made["name"] == "nightly export"
    assert tried(page, "Other_services-issueAccessToken", "200")["token_type"] == "Bearer"
    assert tried(page, "Account-changeUser", "200")["name"] == "Ada King"
    tried(page, "API_tokens-deleteToken", "204", token_id=made["id"])
    assert tried(page, "API_tokens-listTokens", "200") == {"tokens": []}
    tried(page, "Session-signOut", "204")
    assert tried(page, "Session-getSession", "200")["authenticated"] is False


def test_a_visitor_is_told_why_a_call_is_refused(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    open_docs(page, stack)
    assert tried(page, "API_tokens-createToken", "401")["code"] == "not_signed_in"
    page.goto(f"{stack.api_url.replace('localhost', '127.0.0.1')}/docs")
    page.wait_for_selector(GET_SESSION)
    assert tried(page, "Session-getSession", "200")["authenticated"] is False
    assert tried(page, "API_tokens-createToken", "403")["code"] == "origin_not_allowed"


def test_authorize_asks_for_tokens_alone_and_they_count(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    register(page, stack, "frances.allen@example.com")
    open_docs(page, stack)
    token = tried(page, "API_tokens-createToken", "201")["token"]
    page.click(".btn.authorize")
    assert page.locator(".auth-container h4 code").all_inner_texts() == ["bearer", "metrics"]
    assert page.locator(".auth-container input").count() == 2
    assert "sends the session's cookie by itself" in page.inner_text(".modal-ux")
    page.locator(".auth-container input").first.fill(token)
    page.locator(".auth-container .authorize").first.click()
    page.click(".close-modal")
    page.context.clear_cookies()
    assert tried(page, "Session-getSession", "200")["user"]["email"] == "frances.allen@example.com"
    assert tried(page, "Other_services-issueAccessToken", "200")["token_type"] == "Bearer"


@pytest.mark.parametrize(
    "operation",
    [
        "Signing_in-beginSignIn",
        "Signing_in-refuseNamelessAnswer",
        "Signing_in-finishSignIn",
        "Session-takeLogoutToken",
        "Account-deleteUser",
        "Operation-getDocsAsset",
    ],
)
def test_what_no_script_should_call_has_no_try_it_out(stack: Stack, visitor: Visitor, operation: str) -> None:
    page = visitor()
    open_docs(page, stack)
    page.click(f"#operations-{operation} .opblock-summary-control")
    page.wait_for_selector(f"#operations-{operation} .responses-table")
    assert page.locator(f"#operations-{operation} .try-out__btn").count() == 0


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
    assert tried(page, "Session-getSession", "200")["user"]["name"] == name
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "connected-backend: API reference"
