"""Whose pages may send requests to an application behind a proxy, and who answers its preflights."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.resources.test_verify import EMPTY, NAVIGATION, SHARED, identity
from tests.resources.test_verify_rules import PREFLIGHT
from tests.support.visitor import Visitor


@pytest.fixture
def sibling(make_app: Callable[..., Any]) -> Visitor:
    return Visitor(make_app(**SHARED), origin=SHARED["WEBAPP_URL"])


@pytest.mark.parametrize("rule", ["groups=staff", "anyone=1"])
def test_a_preflight_passes_whatever_its_origin_and_names_nobody(sibling: Visitor, rule: str) -> None:
    sibling.register()
    passed = sibling.get(f"/auth/verify?{rule}&preflight=1", headers=PREFLIGHT)
    assert (passed.status_code, passed.content, identity(passed)) == (200, b"", EMPTY)
    assert not [name for name in passed.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("", {}),
        ("&preflight=0", {}),
        ("&preflight=1", {"X-Forwarded-Method": "PUT"}),
        ("&preflight=1", {"X-Forwarded-Method": "options"}),
        ("&preflight=1", {"Access-Control-Request-Method": ""}),
    ],
)
def test_what_is_no_preflight_or_is_not_meant_to_pass_does_not(
    make_app: Callable[..., Any], query: str, changes: dict[str, str]
) -> None:
    stranger = Visitor(make_app(**SHARED))
    headers = PREFLIGHT | changes | {"Origin": "https://app.example.com"}
    assert stranger.get(f"/auth/verify?anyone=1{query}", headers=headers).status_code == 401


def test_only_a_trusted_proxy_is_believed_that_it_is_a_preflight(make_app: Callable[..., Any]) -> None:
    stranger = Visitor(make_app(**SHARED, TRUSTED_PROXIES="172.18.0.0/16"))
    refused = stranger.get("/auth/verify?anyone=1&preflight=1", headers=PREFLIGHT)
    assert (refused.status_code, refused.json["code"]) == (403, "origin_not_allowed")


def test_pages_of_the_origins_listed_pass_and_gain_nothing_here(sibling: Visitor) -> None:
    sibling.register()
    listed = "/auth/verify?anyone=1&origins=https://a.example.com,https://b.example"
    for origin in ("https://a.example.com", "https://b.example"):
        request = NAVIGATION | {"X-Forwarded-Method": "POST", "Origin": origin}
        passed = sibling.get(listed, headers=request)
        assert passed.status_code == 200
        assert not [name for name in passed.headers if name.lower().startswith("access-control")]
        refused = sibling.get(listed.replace("verify", "user"), headers=request)
        assert (refused.status_code, refused.json["code"]) == (403, "origin_not_allowed")
    other = NAVIGATION | {"Origin": "https://a.example.com.evil.example"}
    assert sibling.get(listed, headers=other).json["code"] == "origin_not_allowed"


@pytest.mark.parametrize(
    ("changes", "origin"),
    [
        ({"X-Forwarded-Proto": "https,http"}, "https://files.example.com"),
        ({"X-Forwarded-Proto": "HTTPS, http"}, "https://files.example.com"),
        ({"X-Forwarded-Host": "Files.Example.COM"}, "https://files.example.com"),
        ({"X-Forwarded-Host": "files.example.com:443"}, "https://files.example.com"),
        ({"X-Forwarded-Host": "files.example.com:8443"}, "https://files.example.com:8443"),
    ],
)
def test_what_proxies_make_of_an_origin_is_the_same_origin(
    sibling: Visitor, changes: dict[str, str], origin: str
) -> None:
    page = sibling.get("/auth/verify?anyone=1&redirect=1", headers=NAVIGATION | changes)
    back = parse_qs(urlsplit(page.headers["location"]).query)["return_to"]
    assert back == [f"{origin}/reports/2026?page=2&q=a%20b"]
    sibling.register()
    own = NAVIGATION | changes | {"X-Forwarded-Method": "POST", "Origin": origin}
    assert sibling.get("/auth/verify?anyone=1", headers=own).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Forwarded-Proto": "http,https"},
        {"X-Forwarded-Host": "files.example.com, evil.example"},
        {"X-Forwarded-Host": "files.example.com:80"},
        {"X-Forwarded-Host": "files.example.com:"},
        {"X-Forwarded-Host": ""},
    ],
)
def test_another_origin_is_not_the_pages_own(sibling: Visitor, changes: dict[str, str]) -> None:
    sibling.register()
    headers = NAVIGATION | changes | {"X-Forwarded-Method": "POST", "Origin": "https://files.example.com"}
    assert sibling.get("/auth/verify?anyone=1", headers=headers).json["code"] == "origin_not_allowed"
