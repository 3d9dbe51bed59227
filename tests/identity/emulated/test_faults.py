"""Whatever fails at an endpoint of a provider of any kind: nobody is signed in, and nothing is a 5xx."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.identity.conftest import Refusal
from tests.identity.emulated import github as github_site
from tests.identity.emulated import microsoft as platform
from tests.identity.emulated.github import EMAILS, USER
from tests.identity.emulated.microsoft import USERINFO
from tests.identity.misbehaviour import FAILURES, FaultySite, Misbehaviour, Patience, begin_and_finish
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, OpenIDProvider

Place = tuple[FaultySite, str, dict[str, str]]
"""A provider, one of its paths, and the environment of a service that has it alone."""

PLACES = [
    "oidc-userinfo",
    "microsoft-discovery",
    "microsoft-token",
    "microsoft-keys",
    "microsoft-userinfo",
    "github-token",
    "github-user",
    "github-emails",
]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    kind, _, endpoint = str(request.param).partition("-")
    if kind == "oidc":
        provider: OpenIDProvider = request.getfixturevalue("provider")
        provider.changes = {"email": None, "email_verified": None}
        provider.metadata["userinfo_endpoint"] = f"{provider.issuer}/userinfo"
        client = {"OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
        return provider, "/userinfo", {"PROVIDERS": "oidc", "OIDC_ISSUER": provider.issuer, **client}
    environ = {"PROVIDERS": kind}
    if kind == "github":
        paths = {"token": github_site.TOKEN, "user": USER, "emails": EMAILS}
        return request.getfixturevalue("github"), paths[endpoint], environ | github_site.CLIENT
    site: platform.Microsoft = request.getfixturevalue("microsoft")
    if endpoint == "userinfo":
        site.changes = {"email": None, "name": None}
    paths = {
        "discovery": site.discovery_path,
        "token": site.token_path,
        "keys": site.keys_path,
        "userinfo": USERINFO,
    }
    return site, paths[endpoint], environ | platform.CLIENT


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("place", [place for place in PLACES if "microsoft" in place], indirect=True)
def test_a_failing_endpoint_makes_microsoft_unavailable(
    place: Place, make_app: Callable[..., Any], refusal: Refusal, fault: str
) -> None:
    """What fails elsewhere at userinfo, and at GitHub: tests/identity/test_userinfo.py and test_github.py."""
    site, path, environ = place
    FAILURES[fault](site, path)
    refusal.check(begin_and_finish(make_app(**environ)), "provider_unavailable", "")
    assert "/elsewhere" not in site.visits
    assert site.visits.count(path) == 1


@pytest.mark.parametrize("kind", ["drip_head", "drip_body", "continue_and_continue"])
def test_patience_ends(
    place: Place,
    make_app: Callable[..., Any],
    refusal: Refusal,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setattr("app.identity.providers.provider_http.TOTAL_TIMEOUT", 0.5)
    site, path, environ = place
    patience = Patience()
    misbehave: Misbehaviour = getattr(patience, kind)
    misbehave(site, path)
    began = time.monotonic()
    answer = begin_and_finish(make_app(**environ))
    patience.release()
    refusal.check(answer, "provider_unavailable", "imed out")
    assert time.monotonic() - began < 5


def test_the_same_places_sign_in_once_they_are_honest(place: Place, make_app: Callable[..., Any]) -> None:
    """Without this the tests above could pass for a wrong reason."""
    site, path, environ = place
    result = begin_and_finish(make_app(**environ))
    assert path in site.visits
    if path != USERINFO:
        assert "session" in result.cookies
