"""Who may read what across origins, as a browser judges it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Stack
from tests.browser.walk import register

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

FETCH = """
    async ([url, options]) => {
      try {
        const response = await fetch(url, { credentials: "include", ...options });
        const body = response.status === 204 || response.type === "opaque" ? null : await response.json();
        return { status: response.status, type: response.type, body, headers: [...response.headers.keys()] };
      } catch (error) {
        return { blocked: error instanceof TypeError };
      }
    }
"""
BLOCKED = {"blocked": True}


@pytest.fixture(scope="module")
def context(browser: "Browser", stack: Stack) -> "Iterator[BrowserContext]":
    """A browser whose owner is signed in. What it blocks, it says on the console, so nobody listens there."""
    opened = browser.new_context()
    register(opened.new_page(), stack, "grace.hopper@example.com")
    yield opened
    opened.close()


@pytest.fixture
def own_page(context: "BrowserContext", stack: Stack) -> "Page":
    page = context.new_page()
    page.goto(stack.frontend_url)
    return page


@pytest.fixture(params=["another origin", "null"])
def foreign_page(context: "BrowserContext", stack: Stack, request: pytest.FixtureRequest) -> "Page":
    page = context.new_page()
    if request.param == "null":
        page.goto("data:text/html,<title>nobody</title>")
        assert page.evaluate("origin") == "null"
    else:
        # The same files from the same server: by its other name it is another origin, and another site.
        page.goto(stack.frontend_url.replace("localhost", "127.0.0.1"))
    return page


def call(page: "Page", url: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(FETCH, [url, options])
    return answer


def complaints(page: "Page") -> list[str]:
    """What the browser says on the page's console from now on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    return said


def is_signed_in(page: "Page", stack: Stack) -> bool:
    return bool(call(page, f"{stack.api_url}/auth/session")["body"]["authenticated"])


def test_the_frontend_reads_with_credentials(own_page: "Page", stack: Stack) -> None:
    answer = call(own_page, f"{stack.api_url}/auth/session")
    assert (answer["status"], answer["type"], answer["body"]["authenticated"]) == (200, "cors", True)
    assert "x-request-id" in answer["headers"]
    assert "vary" not in answer["headers"]


def test_without_credentials_the_frontend_is_a_visitor(own_page: "Page", stack: Stack) -> None:
    answer = call(own_page, f"{stack.api_url}/auth/session", credentials="omit")
    assert answer["body"]["authenticated"] is False


def test_the_frontend_reads_refusals_too(own_page: "Page", stack: Stack) -> None:
    assert call(own_page, f"{stack.api_url}/nowhere")["body"]["code"] == "not_found"
    wrong = call(own_page, f"{stack.api_url}/auth/session", method="DELETE")
    assert wrong["body"]["code"] == "method_not_allowed"


def test_the_frontend_changes_after_a_preflight(own_page: "Page", stack: Stack) -> None:
    options = {"method": "PATCH", "headers": {"Content-Type": "application/json"}, "body": '{"name":"Grace"}'}
    answer = call(own_page, f"{stack.api_url}/auth/user", **options)
    assert (answer["status"], answer["body"]["name"]) == (200, "Grace")


def test_the_frontend_may_send_what_its_tracing_adds(own_page: "Page", stack: Stack) -> None:
    headers = dict.fromkeys(["traceparent", "tracestate", "baggage", "sentry-trace", "b3"], "1")
    assert call(own_page, f"{stack.api_url}/auth/session", headers=headers)["status"] == 200


def test_a_header_nobody_allowed_is_not_sent(own_page: "Page", stack: Stack) -> None:
    assert call(own_page, f"{stack.api_url}/auth/session", headers={"X-Anything": "1"}) == BLOCKED


@pytest.mark.parametrize("path", ["/", "/health", "/auth/session", "/nowhere"])
def test_others_read_nothing(foreign_page: "Page", stack: Stack, path: str) -> None:
    said = complaints(foreign_page)
    assert call(foreign_page, stack.api_url + path) == BLOCKED
    assert call(foreign_page, stack.api_url + path, credentials="omit") == BLOCKED
    # It was that rule which kept the answers from the page, not something on the way.
    calls = [text for text in said if f"'{stack.api_url}{path}'" in text]
    assert len([text for text in calls if "blocked by CORS policy" in text]) >= 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/auth/logout"), ("POST", "/auth/sessions/revoke-others"), ("DELETE", "/auth/user")],
)
def test_others_change_nothing(
    foreign_page: "Page", own_page: "Page", stack: Stack, method: str, path: str
) -> None:
    assert call(foreign_page, stack.api_url + path, method=method) == BLOCKED
    if method == "POST":
        # What a form of any site may send. Cross-Origin-Resource-Policy hides even the opaque answer.
        assert call(foreign_page, stack.api_url + path, method=method, mode="no-cors") == BLOCKED
    assert is_signed_in(own_page, stack)
