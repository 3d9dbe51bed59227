"""Signing out there too, and being signed out from there, with npm's oidc-provider and the real service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import WEBAPP
from tests.identity.outside.node_provider import running
from tests.identity.outside.pages import PersonAtProvider
from tests.support.service import Service, free_port
from tests.support.waiting import until

pytestmark = pytest.mark.full

CLIENT = {"client_id": "certified-client", "client_secret": "certified-client-secret"}
ORIGIN = {"Origin": WEBAPP}


class Browser:
    """At the real service, as far as HTTP goes."""

    def __init__(self, service: Service, person: PersonAtProvider) -> None:
        self._url = service.url.replace("127.0.0.1", "localhost")
        self._browser = requests.Session()
        self.person = person

    def sign_in(self) -> str:
        login = self._browser.get(f"{self._url}/auth/login", allow_redirects=False, timeout=15)
        callback = self.person.go_through(login.headers["Location"])
        assert callback.startswith(f"{self._url}/auth/callback/certified?")
        return self._browser.get(callback, allow_redirects=False, timeout=15).headers["Location"]

    def post(self, path: str) -> requests.Response:
        return self._browser.post(self._url + path, headers=ORIGIN, json={}, timeout=15)

    def is_signed_in(self) -> bool:
        return bool(self._browser.get(f"{self._url}/auth/session", timeout=15).json()["authenticated"])

    def close(self) -> None:
        self._browser.close()
        self.person.close()


@pytest.fixture(params=["RS256", "PS256", "ES256", "EdDSA"])
def service(
    request: pytest.FixtureRequest, npm_folder: Path, make_service: Callable[..., Service]
) -> Iterator[Service]:
    port = free_port()
    url = f"http://localhost:{port}"
    client = {
        **CLIENT,
        "redirect_uris": [f"{url}/auth/callback/certified"],
        "post_logout_redirect_uris": [WEBAPP],
        "backchannel_logout_uri": f"{url}/auth/backchannel-logout/certified",
        "backchannel_logout_session_required": True,
        "id_token_signed_response_alg": request.param,
    }
    features = {"features": {"backchannelLogout": {"enabled": True}}}
    with running("oidc_provider.js", npm_folder, client=client, configuration=features) as issuer:
        service = make_service(
            port=port,
            APP_ENV="test",
            API_URL=url,
            WEBAPP_URL=WEBAPP,
            PROVIDERS="certified",
            CERTIFIED_ISSUER=issuer,
            CERTIFIED_CLIENT_ID=CLIENT["client_id"],
            CERTIFIED_CLIENT_SECRET=CLIENT["client_secret"],
        )
        service.wait_until_serving()
        yield service


@pytest.fixture
def browsers(service: Service) -> Iterator[list[Browser]]:
    """Two of the same person's, each signed in there on its own, and one of somebody else."""
    browsers = [Browser(service, PersonAtProvider(name)) for name in ("ada", "ada", "grace")]
    yield browsers
    for browser in browsers:
        browser.close()


def test_who_signs_out_there_too_is_asked_who_they_are_the_next_time(browsers: list[Browser]) -> None:
    first, second, other = browsers
    for browser in (first, other):
        assert browser.sign_in() == f"{WEBAPP}/auth/register"
        assert browser.post("/auth/register").status_code == 201
    assert second.sign_in() == f"{WEBAPP}/dashboard"
    asked = len(first.person.forms_seen)
    assert first.sign_in() == f"{WEBAPP}/dashboard"
    assert len(first.person.forms_seen) == asked

    url = first.post("/auth/logout?provider=1").json()["logout_url"]
    assert not first.is_signed_in()
    assert first.person.go_through(url).startswith(WEBAPP)
    assert first.sign_in() == f"{WEBAPP}/dashboard"
    assert len(first.person.forms_seen) > asked + 1

    # The provider told the service, too, of that one session of its own.
    assert second.is_signed_in()
    assert other.is_signed_in()


def test_who_signs_out_at_the_provider_is_signed_out_here(browsers: list[Browser]) -> None:
    first, second, other = browsers
    for browser in browsers:
        browser.sign_in()
    assert all(browser.is_signed_in() for browser in browsers)
    # The pages of the provider's own, which know nothing of this service.
    way_out = f"client_id={CLIENT['client_id']}&post_logout_redirect_uri={WEBAPP}"
    first.person.go_through(f"{first.person.site}/session/end?{way_out}")
    until(lambda: not first.is_signed_in(), seconds=10, what="the end of the session")
    assert second.is_signed_in()
    assert other.is_signed_in()
    # Nobody had registered, so it is the pending session that has ended.
    assert first.post("/auth/register").status_code == 401
