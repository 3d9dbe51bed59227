"""What a proxy passes on while the service refuses: limits spent, the database away, the service away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dev.postgres import EmbeddedPostgres
from tests.forward_auth.sites import FILES, PROXIES, Site
from tests.support.waiting import until

pytestmark = [pytest.mark.full, pytest.mark.parametrize("proxy", PROXIES)]

DEFAULTS = {"RATE_LIMIT": "", "RATE_LIMIT_NOT_FOUND": "", "RATE_LIMIT_SIGN_IN": ""}
NAVIGATION = [("Sec-Fetch-Mode", "navigate")]
ASSETS = 60

ServeSite = Callable[..., Site]


def test_a_page_of_60_assets_loads_whole_and_60_guesses_are_limited(
    proxy: str, serve_site: ServeSite, database_url: str
) -> None:
    site = serve_site(proxy, database_url=database_url, **DEFAULTS)
    person = site.sign_in()

    def load(number: int) -> int:
        return site.client.get(f"{FILES}/asset/{number}", [person.cookie]).status

    def guess(number: int) -> int:
        return site.client.get(f"{FILES}/asset/{number}").status

    # As many at once as a browser asks one host for; four pages are more than the limit of 200.
    with ThreadPoolExecutor(6) as browser:
        assert set(browser.map(load, range(4 * ASSETS))) == {200}
        guesses = list(browser.map(guess, range(ASSETS)))
    assert set(guesses) == {401, 429}
    # One of ten a minute comes back every 6 seconds.
    assert guesses.count(401) < 20
    assert load(0) == 200


def test_a_refusal_for_too_many_says_how_long_to_wait(
    proxy: str, serve_site: ServeSite, database_url: str
) -> None:
    site = serve_site(proxy, database_url=database_url, RATE_LIMIT="5/hour", RATE_LIMIT_NOT_FOUND="1/hour")
    assert site.client.get(f"{FILES}/report").status == 401
    refused = [site.client.request(method, f"{FILES}/report", (), b"x") for method in ("GET", "POST")]
    pages = [site.client.get(f"{FILES}/report", NAVIGATION) for _ in range(3)]
    assert [page.status for page in pages] == [302, 302, 429]
    for answer in (*refused, pages[-1]):
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 3600
        assert "location" not in answer.headers


def test_with_the_database_away_nobody_is_taken_for_a_stranger(
    proxy: str, serve_site: ServeSite, tmp_path: Path
) -> None:
    with EmbeddedPostgres(tmp_path, settings={"fsync": "off"}) as postgres:
        site = serve_site(proxy, database_url=postgres.url())
        person = site.sign_in()
        assert site.client.get(f"{FILES}/report", [person.cookie]).status == 200
        postgres.stop()
        for headers in ([person.cookie], [person.cookie, *NAVIGATION]):
            answer = site.client.get(f"{FILES}/report", headers)
            assert (answer.status, answer.headers.get("retry-after")) == (503, "2")
        # Who has no session needs no database to be told so.
        assert site.client.get(f"{FILES}/report", NAVIGATION).status == 302
        postgres.start()
        until(
            lambda: site.client.get(f"{FILES}/report", [person.cookie]).status == 200,
            seconds=30,
            what="people who are let through again",
        )


def test_with_the_service_away_nobody_is_let_through(
    proxy: str, serve_site: ServeSite, database_url: str
) -> None:
    site = serve_site(proxy, database_url=database_url)
    person = site.sign_in()
    assert site.client.get(f"{FILES}/report", [person.cookie]).status == 200
    site.service.kill()
    # Traefik's is 500, Caddy's 502, nginx's 503 by the page.
    assert site.client.get(f"{FILES}/report", [person.cookie]).status in {500, 502, 503}
