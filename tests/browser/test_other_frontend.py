"""The sample frontend beside a WEBAPP_URL of somebody's own: the service refuses it, and it says why."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack
from tests.browser.walk import show
from tests.dev.conftest import Development

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WEBAPP_URL = "http://localhost:8000"


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_page_that_the_service_refuses_says_why_and_what_to_set(
    page: "Page", tmp_path_factory: pytest.TempPathFactory
) -> None:
    running = Development(tmp_path_factory.mktemp("dev") / "data", WEBAPP_URL=WEBAPP_URL)
    try:
        running.wait_until_serving()
        own = f"http://localhost:{running.frontend_port}"
        page.goto(own)
        show(page, "other-frontend")
        assert f"WEBAPP_URL is {WEBAPP_URL}" in page.inner_text("#main")
        assert page.get_attribute("#webapp-link", "href") == WEBAPP_URL
        assert page.inner_text("#use-sample") == f"WEBAPP_URL={own} bin/dev"
    finally:
        running.kill()


def test_the_sample_by_another_name_leads_to_the_one_that_works(page: "Page", stack: Stack) -> None:
    page.goto(stack.frontend_url.replace("localhost", "127.0.0.1"))
    show(page, "other-frontend")
    # As WEBAPP_URL this address would not keep anybody signed in: it is another site than the service's.
    assert page.is_hidden("#use-sample")
    page.click("#webapp-link")
    show(page, "anonymous")
