"""A real browser before a protected host, and a sibling host that means no good."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.forward_auth.page import DOMAIN, only
from tests.forward_auth.sites import API, APP, BOOKS, FILES, Site, behind
from tests.forward_auth.test_proxies import PAGE
from tests.support.pages import Block
from tests.support.provider import OpenIDProvider

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.full

HOSTILE = f"https://hostile.{DOMAIN}"
OPEN_WEBSOCKET = """
    url => new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.onmessage = event => resolve(event.data);
        socket.onerror = () => resolve("refused");
    })
"""
INVITE = "INSERT INTO invitations (email, groups) VALUES (%s, %s)"
FETCH = "async url => { const answer = await fetch(url); return [answer.status, await answer.text()]; }"
POST_FORM = """
    url => {
        const form = document.createElement("form");
        form.method = "post";
        form.action = url;
        form.innerHTML = `<input name="amount" value="1000">`;
        document.body.append(form);
        form.submit();
    }
"""
HIDE_REFERRER = """
    () => document.head.append(Object.assign(
        document.createElement("meta"), {name: "referrer", content: "no-referrer"}
    ))
"""


@contextmanager
def browser_at(site: Site) -> "Iterator[Page]":
    # Imported here, as `bin/test` collects this file without playwright; `bin/setup --browser` installs it.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    resolve = f"--host-resolver-rules=MAP *.{DOMAIN}:443 127.0.0.1:{site.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS, resolve])
        yield browser.new_context(ignore_https_errors=True).new_page()
        browser.close()


@pytest.fixture
def page(site: Site, https_provider: OpenIDProvider) -> "Iterator[Page]":
    """Of somebody new to the provider, invited into staff, in a browser without cookies."""
    https_provider.reset()
    invite(site, https_provider.person["email"], "staff")
    with browser_at(site) as page:
        yield page


def invite(site: Site, email: str, *groups: str) -> None:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute(INVITE, [email, list(groups)])


def shown(page: "Page") -> Any:
    """The request as it reached the application, which is what its pages show."""
    return json.loads(page.inner_text("body"))


def headers_shown(page: "Page") -> dict[str, str]:
    return dict(shown(page)["headers"])


@pytest.mark.parametrize("block", [only("js")], ids=str)
def test_a_page_is_shown_after_signing_in_on_the_way(
    block: Block, page: "Page", site: Site, https_provider: OpenIDProvider
) -> None:
    https_provider.person["name"] = "Åda Løvelace 🦊"
    page.goto(PAGE)
    assert page.url == PAGE
    assert FILES + shown(page)["target"] == PAGE
    assert headers_shown(page)["x-auth-email"] == https_provider.person["email"]
    read_name = f"request => {{ {block.text}; return name; }}"
    assert page.evaluate(read_name, {"headers": headers_shown(page)}) == "Åda Løvelace 🦊"
    assert https_provider.visits.count("/authorize") == 1
    page.goto(f"{FILES}/another")
    assert https_provider.visits.count("/authorize") == 1


def test_the_applications_own_pages_may_do_anything(page: "Page", site: Site) -> None:
    page.goto(PAGE)
    user_id = headers_shown(page)["x-auth-user-id"]
    for method in ("POST", "PUT", "DELETE"):
        send = "([url, method]) => fetch(url, {method, body: 'abc'}).then(answer => answer.json())"
        arrived = page.evaluate(send, [f"{FILES}/report", method])
        assert (arrived["method"], arrived["body"]) == (method, "abc")
    assert page.evaluate(OPEN_WEBSOCKET, f"wss://files.{DOMAIN}/socket") == user_id
    with page.expect_navigation():
        page.evaluate(POST_FORM, f"{FILES}/report")
    assert (shown(page)["method"], shown(page)["body"]) == ("POST", "amount=1000")


def test_a_form_of_a_page_that_hides_where_it_is_from_is_refused(page: "Page", site: Site) -> None:
    page.goto(PAGE)
    page.evaluate(HIDE_REFERRER)
    with page.expect_navigation() as navigation:
        page.evaluate(POST_FORM, f"{FILES}/report")
    assert navigation.value.status == 403


def test_a_page_of_a_sibling_host_may_do_nothing_in_somebodys_name(page: "Page", site: Site) -> None:
    page.goto(PAGE)
    page.goto(f"{HOSTILE}/page")
    assert page.evaluate(OPEN_WEBSOCKET, f"wss://files.{DOMAIN}/socket") == "refused"
    with page.expect_navigation() as navigation:
        page.evaluate(POST_FORM, f"{FILES}/report")
    assert navigation.value.status == 403


def test_a_session_planted_beside_somebodys_own_makes_them_nobody_else(page: "Page", site: Site) -> None:
    page.goto(PAGE)
    attacker = site.sign_in()
    cookie = f"__Secure-session={attacker.token}; Domain={DOMAIN}; Path=/report; Secure"
    # Traefik takes a bare semicolon for an ampersand.
    page.goto(f"{HOSTILE}/page?set-cookie={quote(cookie)}")
    page.goto(f"{FILES}/page")
    # The second time, too: the answer to the first must not have taken their own session away.
    for _ in range(2):
        status, text = page.evaluate(FETCH, f"{FILES}/report")
        assert status == 401, text


def test_without_a_shared_cookie_no_sibling_host_can_plant_a_session(
    serve_site: Callable[..., Site], database_url: str, https_provider: OpenIDProvider
) -> None:
    https_provider.reset()
    site = serve_site("caddy", database_url=database_url, COOKIE_DOMAIN="")
    attacker = site.sign_in()
    with browser_at(site) as page:
        page.goto(f"{API}/auth/login")
        assert page.url == f"{APP}/dashboard"
        for attributes in (f"Domain={DOMAIN}; Path=/; Secure", f"Domain={DOMAIN}; Path=/auth; Secure"):
            for name in ("__Host-session", "__Secure-session", "session"):
                page.goto(f"{HOSTILE}/page?set-cookie={name}={attacker.token}; {attributes}")
        page.goto(f"{API}/auth/session")
        assert shown(page)["user"]["email"] == https_provider.person["email"]


def test_somebody_of_another_group_is_told_who_they_are_and_signs_out(
    page: "Page", site: Site, https_provider: OpenIDProvider
) -> None:
    page.goto(PAGE)
    answer = page.goto(f"{BOOKS}/ledger")
    assert answer
    assert answer.status == 403
    assert https_provider.person["email"] in page.inner_text("main")
    with page.expect_navigation(url=f"{APP}/**"):
        page.click("button")
    page.goto(f"{API}/auth/session")
    assert shown(page)["authenticated"] is False


def test_another_account_is_one_click_away_and_leads_back(
    page: "Page", site: Site, https_provider: OpenIDProvider
) -> None:
    page.goto(PAGE)
    https_provider.reset()
    invite(site, https_provider.person["email"], "finance")
    page.goto(f"{BOOKS}/ledger?year=2026")
    with page.expect_navigation(url=f"{BOOKS}/ledger?year=2026"):
        page.click("a")
    assert headers_shown(page)["x-auth-email"] == https_provider.person["email"]
    assert headers_shown(page)["x-auth-groups"] == "finance"


@pytest.mark.parametrize(
    "target",
    [
        "/%F0%9F%A6%8A/\u0645\u06cc\u200c\u062e",
        "/a?path=C:%5Ctemp&text=two%0Alines&name=caf%E9",
        "/a?b=%2e%2e/%2f%2f&c=100%",
        "/a?q=" + "x" * 500,
    ],
)
def test_the_way_back_keeps_what_people_have_in_urls(page: "Page", site: Site, target: str) -> None:
    page.goto(FILES + target)
    # As the browser itself writes it.
    asked = page.evaluate("target => new URL(target).href", FILES + target)
    assert page.url == asked
    assert FILES + shown(page)["target"] == asked


@behind("caddy", "nginx")
def test_the_way_back_keeps_double_slashes(page: "Page", site: Site) -> None:
    """Traefik makes one of them, for the application too."""
    page.goto(f"{FILES}/a//b///c")
    assert page.url == FILES + shown(page)["target"] == f"{FILES}/a//b///c"


def test_a_way_back_that_is_too_long_to_keep_is_that_of_the_page(page: "Page", site: Site) -> None:
    page.goto(f"{FILES}/a?q=" + "x" * 2000)
    assert page.url == f"{FILES}/a"
