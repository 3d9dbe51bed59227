"""Traefik itself does not run here: its blocks are read, and the service is asked as its documentation says.

`ForwardAuth` (doc.traefik.io, "Forward-Request Headers"): a GET without a body, the client's headers save the
hop-by-hop ones, and with trustForwardHeader off its own X-Forwarded-Method, -Proto, -Host, -Uri and -For.
"""

from collections.abc import Callable
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from app.settings.config import Config
from app.web.media import IDENTITY_HEADERS
from tests.forward_auth.page import DOMAIN, block, on_our_hosts, only
from tests.forward_auth.sites import API, FILES, SETTINGS
from tests.support.pages import Block
from tests.support.traefik import labels_as_a_tree
from tests.support.visitor import Visitor

URI = "/a%20report/%C3%A9t%C3%A9?page=2&q=a%26b%20c+d&100%25"
HOP_BY_HOP = {"Connection", "Upgrade", "Content-Length", "Host"}


@pytest.fixture
def visitor(make_app: Any) -> Visitor:
    return Visitor(make_app(**SETTINGS), origin=SETTINGS["WEBAPP_URL"])


def middlewares_of_file() -> Any:
    return yaml.safe_load(block("yaml"))["http"]["middlewares"]


def middlewares_of_labels(labels: Block) -> Any:
    tree = labels_as_a_tree(labels.text)
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


@pytest.mark.parametrize(("file", "labels"), [(only("yaml"), only("properties"))], ids=str)
def test_file_and_labels_say_the_same(file: Block, labels: Block) -> None:
    file_says, labels_say = yaml.safe_load(file.text)["http"]["middlewares"], middlewares_of_labels(labels)
    forward = file_says["sign-in"]["forwardAuth"]
    assert labels_say["sign-in"]["forwardauth"] == {
        "address": forward["address"],
        "trustforwardheader": str(forward["trustForwardHeader"]).lower(),
        "authresponseheaders": ",".join(forward["authResponseHeaders"]),
    }
    dropped = file_says["without-credentials"]["headers"]["customRequestHeaders"]
    assert labels_say["without-credentials"]["headers"]["customrequestheaders"] == dropped


def test_all_identity_headers_are_taken_from_the_service() -> None:
    sign_in = middlewares_of_file()["sign-in"]["forwardAuth"]
    assert tuple(sign_in["authResponseHeaders"]) == IDENTITY_HEADERS
    assert sign_in["trustForwardHeader"] is False


def test_every_mix_of_hyphens_and_underscores_is_taken_from_the_client() -> None:
    """Traefik finds a header whatever its case, since Go does."""
    taken = middlewares_of_file()["without-credentials"]["headers"]["customRequestHeaders"]
    mixes = set()
    for words in (name.split("-") for name in IDENTITY_HEADERS):
        for separators in product("-_", repeat=len(words) - 1):
            mixes.add("".join(map("".join, zip(words, (*separators, ""), strict=True))))
    assert set(taken) == {"Authorization", "Cookie"} | mixes - set(IDENTITY_HEADERS)
    assert set(taken.values()) == {""}


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


@pytest.mark.parametrize("block", [only("ini")], ids=str)
def test_the_variables_of_the_page_share_the_session_and_trust_the_proxy(
    block: Block, make_config: Callable[..., Config]
) -> None:
    given = dict(line.split("=") for line in on_our_hosts(block.text).splitlines())
    assert given["COOKIE_DOMAIN"] == SETTINGS["COOKIE_DOMAIN"]
    config = make_config(**{**SETTINGS, **given})
    assert config.cookie_domain == DOMAIN
    assert [str(network) for network in config.trusted_proxies] == [given["TRUSTED_PROXIES"]]
