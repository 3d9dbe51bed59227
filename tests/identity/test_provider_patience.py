"""A provider that takes its time: everybody is back at the frontend within 15 seconds, whoever else waits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import jwt
import pytest
import requests

from tests.conftest import WEBAPP
from tests.identity.misbehaviour import DISCOVERY, ENDPOINTS, KEYS, Patience, begin_and_finish
from tests.support.provider import Answer, OpenIDProvider, client_at
from tests.support.service import Service, free_port
from tests.support.visitor import Visitor, authorize
from tests.support.waiting import until

LIMIT = 15.0
UNAVAILABLE = f"{WEBAPP}/auth/login?error=provider_unavailable"


@pytest.fixture
def patience() -> Iterator[Patience]:
    patience = Patience()
    yield patience
    patience.release()


@pytest.fixture
def make_stage(make_app: Callable[..., Any]) -> Iterator[Callable[[], tuple[Any, OpenIDProvider]]]:
    """An application with a provider of its own."""
    with ExitStack() as stack:

        def make() -> tuple[Any, OpenIDProvider]:
            provider = OpenIDProvider()
            provider.start()
            stack.callback(provider.stop)
            return make_app(OIDC_ISSUER=provider.issuer), provider

        yield make


def test_nobody_waits_longer_than_fifteen_seconds(
    make_stage: Callable[[], tuple[Any, OpenIDProvider]], patience: Patience
) -> None:
    """All at once, as each takes as long as the service waits."""
    visits: dict[str, Callable[[], Any]] = {}
    for endpoint, path in ENDPOINTS.items():
        for misbehave in (
            patience.hang,
            patience.drip_body,
            patience.drip_head,
            patience.continue_and_continue,
        ):
            app, provider = make_stage()
            misbehave(provider, path)
            visits[f"{endpoint} {misbehave.__name__}"] = partial(begin_and_finish, app)
    for name, path in {"discovery": DISCOVERY, "keys": KEYS}.items():
        app, provider = make_stage()
        patience.hang(provider, path)
        visits |= {f"{name} hang, visitor {number}": partial(begin_and_finish, app) for number in range(8)}

    with ThreadPoolExecutor(len(visits)) as threads:
        endings = dict(zip(visits, threads.map(timed, visits.values()), strict=True))
    assert {name: where for name, (where, _) in endings.items() if where != UNAVAILABLE} == {}
    assert {name: seconds for name, (_, seconds) in endings.items() if seconds > LIMIT} == {}


@pytest.mark.parametrize(
    ("path", "header"),
    [(DISCOVERY, {"kid": "first"}), (KEYS, {"kid": "first"}), (KEYS, {})],
    ids=["discovery", "keys", "keys-for-tokens-without-kid"],
)
def test_visitors_share_one_slow_answer(
    app: Any, provider: OpenIDProvider, path: str, header: dict[str, str]
) -> None:
    def slowly(parameters: dict[str, str]) -> Answer:
        time.sleep(0.3)  # long enough for all visitors to be there
        return provider.honest_answer(path, parameters)

    provider.answers[path] = slowly
    provider.make_id_token = lambda claims: jwt.encode(claims, provider.keys["first"], "RS256", header)
    with ThreadPoolExecutor(8) as threads:
        endings = list(threads.map(timed, [partial(begin_and_finish, app)] * 8))
    assert {where for where, _ in endings} == {f"{WEBAPP}/auth/register"}
    assert provider.visits.count(path) == 1


def test_nobody_waits_for_news_of_a_provider_that_is_known(
    app: Any, provider: OpenIDProvider, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "session" in begin_and_finish(app).cookies
    monkeypatch.setattr("app.identity.providers.discovery.METADATA_LIFESPAN", 0.0)
    monkeypatch.setattr("app.identity.providers.provider_http.TOTAL_TIMEOUT", 2.0)
    patience.hang(provider, DISCOVERY)
    with ThreadPoolExecutor(8) as threads:
        endings = list(threads.map(timed, [partial(Visitor(app).get, "/auth/login")] * 8))
    assert sorted(seconds > 1.5 for _, seconds in endings) == [False] * 7 + [True]


def test_half_of_the_threads_wait_for_providers_and_further_visitors_are_told_soon(
    make_app: Callable[..., Any], provider: OpenIDProvider, patience: Patience
) -> None:
    app = make_app(WEB_THREADS="2")
    assert "session" in begin_and_finish(app).cookies
    path = ENDPOINTS["token"]
    patience.hang(provider, path)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(timed, partial(begin_and_finish, app))
        until(lambda: provider.visits.count(path) > 1, seconds=5, what="the first visitor's call")
        assert timed(partial(Visitor(app).get, "/auth/login"))[0] == UNAVAILABLE
        assert not first.done()
        patience.release()
        first.result()
    del provider.answers[path]
    assert "session" in begin_and_finish(app).cookies


def test_a_provider_that_hangs_keeps_nobody_from_the_others(
    make_app: Callable[..., Any], two: dict[str, str], provider: OpenIDProvider, patience: Patience
) -> None:
    app = make_app(**two, WEB_THREADS="4")
    path = ENDPOINTS["token"]
    patience.hang(provider, path)
    with ThreadPoolExecutor() as threads:
        visitors = [Visitor(app) for _ in range(4)]
        callbacks = [visitor.go_to_provider(provider="oidc") for visitor in visitors]
        endings = [
            threads.submit(timed, partial(visitor.get, callback))
            for visitor, callback in zip(visitors, callbacks, strict=True)
        ]
        until(lambda: path in provider.visits, seconds=5, what="the first visitor's call")
        assert Visitor(app).sign_in(provider="other").headers["location"] == f"{WEBAPP}/auth/register"
        assert provider.visits.count(path) == 1
        patience.release()
        assert {ending.result()[0] for ending in endings} == {UNAVAILABLE}


def test_health_answers_while_a_provider_hangs_and_people_go_on_signing_in(
    make_service: Callable[..., Service], provider: OpenIDProvider, patience: Patience
) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    service = make_service(
        port=port,
        APP_ENV="test",
        API_URL=url,
        WEB_CONCURRENCY="1",
        WEB_THREADS="4",
        **client_at(provider.issuer),
    )
    service.wait_until_serving()
    path = ENDPOINTS["token"]
    patience.hang(provider, path)

    def sign_in() -> None:
        with requests.Session() as person:
            login = person.get(f"{url}/auth/login", allow_redirects=False, timeout=60)
            if login.headers["location"].startswith(provider.issuer):
                callback = authorize(login.headers["location"])
                person.get(url + callback, allow_redirects=False, timeout=60)

    with ThreadPoolExecutor(24) as people:
        coming = [people.submit(sign_in) for _ in range(24)]
        until(lambda: provider.visits.count(path) == 2, seconds=5, what="the calls that hang")
        for _ in range(20):
            # Half of the threads hang for ten seconds; the others tell people so after one at most.
            assert requests.get(f"{url}/health", timeout=4).status_code == 200
        assert provider.visits.count(path) == 2
        patience.release()
        for person in coming:
            person.result()


def timed(visit: Callable[[], Any]) -> tuple[str, float]:
    """Where a visit led, and after how many seconds."""
    began = time.monotonic()
    answer = visit()
    return str(answer.headers.get("location")), time.monotonic() - began
