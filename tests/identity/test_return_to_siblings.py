"""Where a sign-in may lead back to among the hosts that share the session."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from app.errors import InvalidReturnToError
from app.identity.return_to import checked_return_to
from app.settings.domains import Siblings
from tests.support.visitor import Visitor

EXAMPLE = Siblings("https", "example.com")
SIBLINGS = {
    "https://docs.example.com": "https://docs.example.com/",
    "https://example.com/a?b=c#d": "https://example.com/a?b=c#d",
    "https://A.B.Example.com/x": "https://a.b.example.com/x",
    "https://docs.example.com:8443/": "https://docs.example.com:8443/",
    "https://docs.example.com:443/a": "https://docs.example.com/a",
    "https://docs.example.com/a//b": "https://docs.example.com/a//b",
}
STRANGERS = [
    "https://example.com.evil.example/",
    "https://evilexample.com/",
    "https://user@docs.example.com/",
    "https://docs.example.com:0/",
    "https://docs.example.com:65536/",
    "https://docs.example.com:8443@evil.example/",
    "https://docs.example.com\\.evil.example/",
    "https://docs.example.com@evil.example/",
    "https://evil.example?x=.example.com",
    "https://evil.example#.example.com",
    "https://docs.example.com//evil",
    "https://docs.example.com/%0d%0aX: y",
    "http://docs.example.com/",
    "https:docs.example.com/",
    "//docs.example.com/",
]


@pytest.mark.parametrize(("value", "checked"), SIBLINGS.items())
def test_with_a_cookie_domain_a_sibling_host_may_be_returned_to(value: str, checked: str) -> None:
    assert checked_return_to(value, siblings=EXAMPLE) == checked
    with pytest.raises(InvalidReturnToError):
        checked_return_to(value)


@pytest.mark.parametrize("value", STRANGERS)
def test_with_a_cookie_domain_others_are_still_refused(value: str) -> None:
    with pytest.raises(InvalidReturnToError):
        checked_return_to(value, siblings=EXAMPLE)


def test_siblings_have_the_scheme_of_the_api_which_is_http_in_development_alone() -> None:
    http = Siblings("http", "example.localhost")
    assert checked_return_to("http://docs.example.localhost:8080/a", siblings=http) == (
        "http://docs.example.localhost:8080/a"
    )
    assert checked_return_to("http://docs.example.localhost:80", siblings=http) == (
        "http://docs.example.localhost/"
    )
    for value in ("https://docs.example.localhost/", "http://localhost/", "http://example.localhost.evil/"):
        with pytest.raises(InvalidReturnToError):
            checked_return_to(value, siblings=http)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_sign_in_leads_back_to_a_sibling_host(make_app: Callable[..., Any], scheme: str) -> None:
    hosts = {"API_URL": f"{scheme}://api.example.com", "WEBAPP_URL": f"{scheme}://app.example.com"}
    visitor = Visitor(make_app(**hosts, COOKIE_DOMAIN="example.com", REGISTRATION="automatic"))
    answer = visitor.sign_in(quote(f"{scheme}://docs.example.com/page", safe=""))
    assert answer.headers["location"] == f"{scheme}://docs.example.com/page"
