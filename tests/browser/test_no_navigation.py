"""What a browser loads for a page of somebody else's, and not for its visitor, begins no sign-in."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

INSERT = "html => document.body.append(document.createRange().createContextualFragment(html))"
ELEMENTS = (
    '<img src="{url}?return_to=/img">',
    '<iframe src="{url}?return_to=/iframe"></iframe>',
    '<embed src="{url}?return_to=/embed">',
    '<object data="{url}?return_to=/object"></object>',
    '<link rel="stylesheet" href="{url}?return_to=/style">',
    '<script src="{url}?return_to=/script"></script>',
    '<video src="{url}?return_to=/video"></video>',
)


def test_no_element_of_another_site_begins_a_sign_in(browser: "Browser", stack: Stack) -> None:
    # By its other name the sample frontend is another site. Its own policy would refuse the elements.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(stack.frontend_url.replace("localhost", "127.0.0.1"), wait_until="networkidle")
    url = f"{stack.api_url}/auth/login?provider=development"
    asked: list[str] = []
    ended: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfinished", lambda request: ended.append(request.url))
    page.on("requestfailed", lambda request: ended.append(request.url))
    page.evaluate(INSERT, "".join(ELEMENTS).format(url=url))

    def all_have_ended() -> bool:
        # Asking for the title lets the events come.
        return bool(page.title()) and len(ended) >= len(ELEMENTS) and len(ended) == len(asked)

    until(all_have_ended, seconds=20, what="an end of each request")
    # A sign-in that begins is a redirect, which a browser follows to the provider.
    assert [address for address in asked if not address.startswith(url)] == []

    landed = page.goto(url)
    assert landed is not None
    assert landed.ok
    assert not landed.url.startswith(url)
    assert [cookie.get("name", "")[:8] for cookie in context.cookies(stack.api_url)] == ["sign-in-"]
    context.close()
