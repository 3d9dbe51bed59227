"""Traefik itself does not run here: its blocks are read, and the service is asked as its documentation says.

`ForwardAuth` (doc.traefik.io, "Forward-Request Headers"): a GET without a body, the client's headers save the
hop-by-hop ones, and with trustForwardHeader off its own X-Forwarded-Method, -Proto, -Host, -Uri and -For.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from app.forward_auth import IDENTITY_HEADERS
from tests.forward_auth.page import block
from tests.forward_auth.sites import API, FILES, SETTINGS
from tests.support.visitor import Visitor

URI = "/a%20report/%C3%A9t%C3%A9?page=2&q=a%26b%20c+d&100%25"
HOP_BY_HOP = {"Connection", "Upgrade", "Content-Length", "Host"}


@pytest.fixture
def visitor(make_app: Any) -> Visitor:
    return Visitor(make_app(**SETTINGS), origin=SETTINGS["WEBAPP_URL"])


def middlewares_of_file() -> Any:
    return yaml.safe_load(block("yaml"))["http"]["middlewares"]


def middlewares_of_labels() -> Any:
    """The labels as the tree they stand for; Traefik does not look at the case of its own words."""
    tree: dict[str, Any] = {}
    for line in block("properties").splitlines():
        name, _, value = line.partition("=")
        *path, last = name.removeprefix("traefik.http.").split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    assert tree["routers"]["https-0-RESOURCE"]["middlewares"] == "gzip,sign-in,without-credentials"
    return tree["middlewares"]


def asks_as_traefik(visitor: Visitor, method: str, uri: str, headers: dict[str, str]) -> Any:
    """What the service says to Traefik about a client's request."""
    passed = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
    own = {
        "X-Forwarded-Method": method,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": urlsplit(FILES).netloc,
        "X-Forwarded-Uri": uri,
        "X-Forwarded-For": "198.51.100.7",
    }
    address = urlsplit(middlewares_of_file()["sign-in"]["forwardAuth"]["address"])
    return visitor.get(f"{address.path}?{address.query}", headers={**passed, **own})


def test_file_and_labels_say_the_same() -> None:
    file, labels = middlewares_of_file(), middlewares_of_labels()
    forward = file["sign-in"]["forwardAuth"]
    assert labels["sign-in"]["forwardauth"] == {
        "address": forward["address"],
        "trustforwardheader": str(forward["trustForwardHeader"]).lower(),
        "authresponseheaders": ",".join(forward["authResponseHeaders"]),
    }
    dropped = file["without-credentials"]["headers"]["customRequestHeaders"]
    assert labels["without-credentials"]["headers"]["customrequestheaders"] == dropped


def test_all_identity_headers_are_taken_from_the_service() -> None:
    sign_in = middlewares_of_file()["sign-in"]["forwardAuth"]
    assert tuple(sign_in["authResponseHeaders"]) == IDENTITY_HEADERS
    assert sign_in["trustForwardHeader"] is False


def test_a_page_leads_to_sign_in_and_back(visitor: Visitor) -> None:
    navigation = {"Sec-Fetch-Mode": "navigate", "X-Forwarded-Host": "forged.example", "X-Auth-Name": "forged"}
    answer = asks_as_traefik(visitor, "GET", URI, navigation)
    location = urlsplit(answer.headers["location"])
    assert (answer.status_code, f"{location.scheme}://{location.netloc}{location.path}") == (
        302,
        f"{API}/auth/login",
    )
    assert parse_qs(location.query)["return_to"] == [FILES + URI]
    back = visitor.sign_in(location.query.removeprefix("return_to="))
    assert back.headers["location"] == FILES + URI
    assert asks_as_traefik(visitor, "GET", URI, navigation).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_requests_with_bodies_and_websockets_are_asked_about_without_them(
    visitor: Visitor, method: str
) -> None:
    own = {"Origin": FILES, "Content-Length": "1000000", "Connection": "Upgrade", "Upgrade": "websocket"}
    assert asks_as_traefik(visitor, method, "/", own).status_code == 401
    visitor.sign_in()
    answer = asks_as_traefik(visitor, method, "/", own)
    assert answer.status_code == 200
    assert all(answer.headers.get(name.lower()) is not None for name in IDENTITY_HEADERS)
    foreign = own | {"Origin": "https://evil.example"}
    assert asks_as_traefik(visitor, method, "/", foreign).status_code == 403
