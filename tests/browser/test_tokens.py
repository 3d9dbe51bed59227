"""API tokens, and a second API that knows its caller by a token."""

import pytest
import requests

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import register, show
from tests.support.waiting import until

pytestmark = pytest.mark.browser

MAKE = """
    async ([apiUrl, audience]) => {
      const headers = { "Content-Type": "application/json" };
      const options = { method: "POST", credentials: "include", headers, body: JSON.stringify({ audience }) };
      return (await (await fetch(`${apiUrl}/auth/token`, options)).json()).access_token;
    }
"""


def test_a_token_is_made_shown_once_and_revoked(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "caroline.herschel@example.com")
    page.goto(f"{stack.frontend_url}/tokens")
    show(page, "tokens")
    page.click("#make-token")
    assert page.is_visible("#token-name:invalid")
    page.fill("#token-name", "comet search")
    page.select_option("#token-days", "7")
    page.click("#make-token")
    page.wait_for_selector("#secret:visible")
    secret = page.input_value("#secret")

    def user() -> requests.Response:
        headers = {"Authorization": f"Bearer {secret}"}
        return requests.get(f"{stack.api_url}/auth/user", headers=headers, timeout=10)

    assert user().json()["email"] == "caroline.herschel@example.com"
    assert f'curl -H "Authorization: Bearer {secret}"' in page.inner_text("#try-token")
    page.reload()
    page.wait_for_selector("[data-testid=token]:has-text('comet search')")
    assert page.is_hidden("#secret")
    assert secret not in page.content()
    page.click("[data-testid=revoke-token]")
    page.wait_for_selector("#message:has-text('“comet search” is revoked')")
    assert page.is_visible("#no-tokens")
    until(lambda: user().status_code == 401, seconds=10, what="the token to be refused")


def test_a_second_api_knows_who_calls(stack: Stack, visitor: Visitor) -> None:
    page = visitor(refused=True)
    register(page, stack, "wang.zhenyi@example.com")
    page.goto(f"{stack.frontend_url}/second-api")
    show(page, "second-api")
    page.click("#call")
    page.wait_for_selector("#answer:has-text('HTTP 200')")
    assert '"email": "wang.zhenyi@example.com"' in page.inner_text("#answer")
    page.click("#call-without")
    page.wait_for_selector("#answer:has-text('HTTP 401')")


def test_the_second_api_refuses_a_token_for_another(stack: Stack, visitor: Visitor) -> None:
    page = visitor()
    register(page, stack, "mary.anning@example.com")

    def status(audience: str) -> int:
        token = page.evaluate(MAKE, [stack.api_url, audience])
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(stack.second_api_url, headers=headers, timeout=10).status_code

    assert status(stack.second_api_url) == 200
    assert status(stack.api_url) == 401
