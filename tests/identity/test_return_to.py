"""Where a sign-in may lead back to. Every refused form here has once been an open redirect somewhere."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from falcon.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import InvalidReturnToError
from app.identity.return_to import checked_return_to
from app.settings.domains import Siblings
from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

EXAMPLE = Siblings("https", "example.com")
REFUSED = {
    "two-slashes": "//evil.example",
    "three-slashes": "///evil.example",
    "slash-backslash": "/\\evil.example",
    "backslash": "\\evil.example",
    "two-backslashes": "\\\\evil.example",
    "backslash-slash": "\\/evil.example",
    "backslash-inside": "/a\\..\\..\\evil",
    "scheme": "https://evil.example",
    "scheme-one-slash": "https:/evil.example",
    "scheme-no-slash": "https:evil.example",
    "script": "javascript:alert(1)",
    "script-after-space": " javascript:alert(1)",
    "data": "data:text/html,x",
    "relative": "evil.example",
    "user-information": "@evil.example",
    "port": ":80/evil",
    "host-ending": ".evil.example",
    "query-only": "?next=/x",
    "fragment-only": "#/x",
    "leading-space": " /dashboard",
    "leading-tab": "\t//evil.example",
    "tab-between": "/\t/evil.example",
    "newline-between": "/\n/evil.example",
    "return-between": "/\r/evil.example",
    "nul": "/a\0b",
    "header-injection": "/a\r\nSet-Cookie: session=x",
    "delete": "/a\x7f",
    "next-line": "/a\u0085b",
    "line-separator": "/a\u2028b",
    "paragraph-separator": "/a\u2029b",
    "byte-order-mark": "\ufeff//evil",
    "encoded-slash-first": "/%2f/evil.example",
    "encoded-slash": "/%2fevil.example",
    "encoded-slash-upper": "/%2Fevil.example",
    "encoded-backslash": "/%5cevil.example",
    "encoded-everything": "%2f%2fevil.example",
    "encoded-scheme": "https%3a%2f%2fevil.example",
    "twice-encoded-slash": "/%252fevil.example",
    "twice-encoded-backslash": "/%255cevil.example",
    "thrice-encoded-slash": "/%25252fevil.example",
    "thrice-encoded-backslash": "/%25255cevil.example",
    "encoded-nine-times": "/%" + "25" * 8 + "2fevil.example",
    "encoded-line-break": "/a%0d%0ab",
    "encoded-nul": "/a%00b",
    "encoded-tab": "/%09/evil.example",
    "twice-encoded-nul": "/a%2500b",
    "encoded-line-separator": "/a%E2%80%A8b",
    "encoded-next-line": "/a%C2%85b",
    "dot-segments": "/..//evil.example",
    "parent": "/a/../../evil",
    "parent-last": "/a/..",
    "same": "/./evil",
    "encoded-parent": "/%2e%2e/",
    "half-encoded-parent": "/.%2e/evil",
    "twice-encoded-parent": "/%252e%252e/evil",
    "parent-and-slash-encoded": "/..%2fevil",
    "bad-utf-8": "/a%ff",
    "overlong-slash": "/%c0%afevil.example",
    "encoded-surrogate": "/%ed%a0%80",
    "long-and-elsewhere": "//evil.example/" + "a" * 3000,
    "long-and-up": "/a/../" + "a" * 3000,
}

RAW_QUERIES = {
    "repeated": "return_to=/a&return_to=/b",
    "repeated-and-empty": "return_to=/a&return_to=",
    "bad-utf-8": "return_to=/a%ff",
    "surrogate": "return_to=/%ed%a0%80",
    "overlong-slash": "return_to=/%c0%afevil.example",
    "raw-next-line": "return_to=/a\x85b",
    "plus-is-a-space": "return_to=+/a",
}

ACCEPTED = {
    "/": "/",
    "/dashboard": "/dashboard",
    "/.evil": "/.evil",
    "/@evil": "/@evil",
    "/...": "/...",
    "/a:b": "/a:b",
    "/evil.example": "/evil.example",
    "/a/": "/a/",
    "/a.b/c..d/e": "/a.b/c..d/e",
    "/search?q=a&b=c#top": "/search?q=a&b=c#top",
    "/a?next=https://x": "/a?next=https://x",
    "/a?next=https%3A%2F%2Fx": "/a?next=https%3A%2F%2Fx",
    "/a?next=//x": "/a?next=//x",
    "/a?b=/../c": "/a?b=/../c",
    "/a#//b": "/a#//b",
    "/a?b=100%": "/a?b=100%",
    "/a b": "/a%20b",
    "/a%20b": "/a%20b",
    "/größe/日本?ä=ö#ü": "/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC?%C3%A4=%C3%B6#%C3%BC",
    "/gr%C3%B6%C3%9Fe": "/gr%C3%B6%C3%9Fe",
    '/"<script>{}|^`': "/%22%3Cscript%3E%7B%7D%7C%5E%60",
    "/😀": "/%F0%9F%98%80",
    "/a//b": "/a//b",
    "/a///": "/a///",
    "/a%2F%2Fb": "/a%2F%2Fb",
    # A joiner, a direction mark, a private character, and one that Unicode may assign some day.
    "/\u06cc\u200c\u062e": "/%DB%8C%E2%80%8C%D8%AE",
    "/a\u202eb": "/a%E2%80%AEb",
    "/\ue000": "/%EE%80%80",
    "/\U0001fc00": "/%F0%9F%B0%80",
    "/a?path=C:%5Ctemp": "/a?path=C:%5Ctemp",
    "/a?path=C:\\temp": "/a?path=C:%5Ctemp",
    "/a?text=two%0Alines": "/a?text=two%0Alines",
    "/a?text=two\r\nlines": "/a?text=two%0D%0Alines",
    "/a?name=caf%E9": "/a?name=caf%E9",
    "/a?b=%2e%2e/%2f%2f": "/a?b=%2e%2e/%2f%2f",
    "/a#\x01": "/a#%01",
}


SHORTENED = {
    "just-as-long": ("/" + "a" * 599, "/" + "a" * 599),
    "longer": ("/" + "a" * 600, "/dashboard"),
    "longer-with-its-query": ("/reports?" + "q" * 592, "/reports"),
    "just-as-long-with-its-query": ("/reports?" + "q" * 591, "/reports?" + "q" * 591),
    "longer-with-its-fragment": ("/reports?page=2#" + "f" * 600, "/reports"),
    "longer-once-it-is-encoded": ("/" + "日" * 67, "/dashboard"),
    "query-longer-once-it-is-encoded": ("/größe?q=" + "日" * 100, "/gr%C3%B6%C3%9Fe"),
    "very-long": ("/" + "a" * 6000 + "?" + "q" * 1500, "/dashboard"),
    "sibling": ("https://docs.example.com/a?" + "q" * 600, "https://docs.example.com/a"),
    "sibling-with-a-long-path": ("https://docs.example.com/" + "a" * 600 + "?q", "https://docs.example.com/"),
    "sibling-just-as-long": (
        "https://docs.example.com/" + "a" * 575,
        "https://docs.example.com/" + "a" * 575,
    ),
    "host-longer-than-hosts-are": ("https://" + "a" * 700 + ".example.com/a", "/dashboard"),
}

FRONTENDS = ["http://localhost:5173", "https://app.example.com", "https://example.com/portal/v2"]

PIECES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        [*"/\\.%?#@:;&=+~ \t\r\n\0é", "..", "//", "https:", "javascript:", "evil.example", "\u2028"]
    ),
    st.sampled_from(
        ["%2f", "%2F", "%5c", "%2e", "%2E", "%25", "%252f", "%00", "%0d", "%ff", "%c0%af", "%C2%85"]
    ),
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces)))


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_escapes_from_the_frontend_are_refused(visitor: Visitor, value: str) -> None:
    assert_refused(visitor.get(f"/auth/login?return_to={quote(value, safe='')}"))


@pytest.mark.parametrize("query", RAW_QUERIES.values(), ids=RAW_QUERIES)
def test_queries_that_mean_nothing_are_refused(visitor: Visitor, query: str) -> None:
    assert_refused(visitor.get(f"/auth/login?{query}"))


def test_no_path_means_the_dashboard(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(REGISTRATION="automatic"))
    for query in ("", "?", "?return_to", "?return_to="):
        visitor.get(f"/auth/login{query}")
        assert visitor.sign_in().headers["location"] == f"{WEBAPP}/dashboard"


@pytest.mark.parametrize(("value", "path"), ACCEPTED.items(), ids=ACCEPTED)
def test_paths_of_the_frontend_are_returned_to(make_app: Callable[..., Any], value: str, path: str) -> None:
    visitor = Visitor(make_app(REGISTRATION="automatic"))
    assert visitor.sign_in(quote(value, safe="")).headers["location"] == WEBAPP + path


@pytest.mark.parametrize(("value", "kept"), SHORTENED.values(), ids=SHORTENED)
def test_what_is_too_long_to_keep_leads_as_near_as_can_be(value: str, kept: str) -> None:
    assert checked_return_to(value, siblings=EXAMPLE) == kept


def test_no_sign_in_is_refused_for_the_length_of_its_way_back(make_app: Callable[..., Any]) -> None:
    visitor = Visitor(make_app(REGISTRATION="automatic"))
    assert visitor.sign_in("/reports?" + "q" * 7000).headers["location"] == f"{WEBAPP}/reports"
    assert visitor.sign_in("/" + "a" * 7000).headers["location"] == f"{WEBAPP}/dashboard"


def test_a_frontend_below_a_path_is_not_left(make_app: Callable[..., Any]) -> None:
    frontend = "https://example.com/portal"
    visitor = Visitor(make_app(REGISTRATION="automatic", WEBAPP_URL=frontend, API_URL="https://example.com"))
    assert visitor.sign_in("/settings").headers["location"] == f"{frontend}/settings"
    assert_refused(visitor.get("/auth/login?return_to=/../admin"))


@given(TEXTS)
@settings(max_examples=500)
def test_whatever_is_accepted_stays_below_the_frontend(text: str) -> None:
    try:
        path = checked_return_to(text)
    except InvalidReturnToError:
        return
    for frontend in FRONTENDS:
        assert_stays_below(frontend, frontend + path)


@given(text=st.text(st.characters(codec="latin-1")))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered(visitor: Visitor, text: str) -> None:
    visitor.cookies.clear()
    answer = visitor.get(f"/auth/login?return_to={text}")
    assert answer.status_code in {302, 400}


def assert_refused(answer: Result) -> None:
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "invalid_return_to"
    assert not answer.cookies


def assert_stays_below(frontend: str, url: str) -> None:
    """Reads a URL as browsers do (https://url.spec.whatwg.org/), and as proxies that decode paths."""
    # Browsers drop tabs and line breaks, trim what is below the space, and take a backslash for a slash.
    assert re.fullmatch(r"[!-~]+", url)
    assert "\\" not in url
    base, parts = urlsplit(frontend), urlsplit(url)
    assert (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
    path = parts.path
    for _ in range(6):
        segments = path.removeprefix(base.path).split("/")
        assert path.startswith(f"{base.path}/")
        assert not {".", ".."} & {re.sub("%2e", ".", segment, flags=re.IGNORECASE) for segment in segments}
        assert not re.search(r"[\0-\x1f\x7f\\]", path)
        path = unquote(path)
