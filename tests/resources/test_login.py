"""Who may begin a sign-in: a browser that opens a page, by what Fetch Metadata says."""

import pytest

from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

NO_NAVIGATIONS = {
    "image": {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"},
    "style": {"Sec-Fetch-Dest": "style"},
    "script": {"Sec-Fetch-Dest": "script"},
    "call-of-a-script": {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    "frame-of-another-page": {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
    "frame-of-a-frameset": {"Sec-Fetch-Dest": "frame", "Sec-Fetch-Mode": "navigate"},
    "embed": {"Sec-Fetch-Dest": "embed", "Sec-Fetch-Mode": "navigate"},
    "object": {"Sec-Fetch-Dest": "object", "Sec-Fetch-Mode": "navigate"},
    "nothing": {"Sec-Fetch-Dest": ""},
    "of-the-future": {"Sec-Fetch-Dest": "hologram"},
    "two-at-once": {"Sec-Fetch-Dest": "document, image"},
    "prefetch": {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch"},
    "prerender": {"Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"},
    "prefetch-through-a-proxy": {"Sec-Purpose": "prefetch;anonymous-client-ip"},
    "prefetch-in-capitals": {"Sec-Purpose": "Prefetch"},
}
NAVIGATIONS = {
    "a-link": {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-site"},
    "another-sites-link": {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"},
    "without-fetch-metadata": {},
    "another-purpose": {"Sec-Fetch-Dest": "document", "Sec-Purpose": "something-else"},
    "without-a-destination": {"Sec-Fetch-Mode": "navigate"},
}


@pytest.mark.parametrize("headers", NO_NAVIGATIONS.values(), ids=NO_NAVIGATIONS)
def test_what_is_no_navigation_begins_nothing(
    visitor: Visitor, provider: OpenIDProvider, headers: dict[str, str]
) -> None:
    for query in ("", "?return_to=/reports", "?return_to=//evil.example"):
        answer = visitor.get(f"/auth/login{query}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (400, "not_a_navigation")
        assert not answer.cookies
        assert "location" not in answer.headers
    assert provider.visits == []


def test_head_begins_nothing(visitor: Visitor) -> None:
    answer = visitor.request("HEAD", "/auth/login", headers=NAVIGATIONS["a-link"])
    assert (answer.status_code, answer.content, answer.cookies) == (400, b"", {})


@pytest.mark.parametrize("headers", NAVIGATIONS.values(), ids=NAVIGATIONS)
def test_a_navigation_begins_a_sign_in(visitor: Visitor, headers: dict[str, str]) -> None:
    answer = visitor.get("/auth/login", headers=headers)
    assert (answer.status_code, len(answer.cookies)) == (302, 1)
