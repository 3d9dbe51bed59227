"""Traefik itself does not run here: its blocks are read, and the service is asked as its documentation says.

`ForwardAuth` (doc.traefik.io, "Forward-Request Headers"): a GET without a body, the client's headers save the
hop-by-hop ones, and with trustForwardHeader off its own X-Forwarded-Method, -Proto, -Host, -Uri and -For.
"""

from collections.abc import Callable
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from app.settings.config import Config
from app.web.media import IDENTITY_HEADERS
from tests.forward_auth.page import DOMAIN, block, on_our_hosts, only
from tests.forward_auth.sites import API, FILES, SETTINGS
from tests.support.pages import Block
from tests.support.provider import OpenIDProvider
from tests.support.traefik import labels_as_a_tree
from tests.support.visitor import Visitor

URI = "/a%20report/%C3%A9t%C3%A9?page=2&q=a%26b%20c+d&100%25"
HOP_BY_HOP = {"Connection", "Upgrade", "Content-Length", "Host"}


@pytest.fixture
def visitor(make_app: Any, provider: OpenIDProvider, connection: psycopg.Connection[Any]) -> Visitor:
    """Somebody invited into the group of the first application, not signed in."""
    invite = "INSERT INTO invitations (email, groups) VALUES (%s, ARRAY['staff'])"
    connection.execute(invite, [provider.person["email"]])
    return Visitor(make_app(**SETTINGS), origin=SETTINGS["WEBAPP_URL"])


def middlewares_of_file() -> Any:
    return yaml.safe_load(block("yaml"))["http"]["middlewares"]


def asks_as_traefik(
    visitor: Visitor, method: str, uri: str, headers: dict[str, str], *, middleware: str = "staff-only"
) -> Any:
    """What the service says to Traefik about a client's request."""
    passed = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
    own = {
        "X-Forwarded-Method": method,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": urlsplit(FILES).netloc,
        "X-Forwarded-Uri": uri,
        "X-Forwarded-For": "198.51.100.7",
    }
    address = urlsplit(middlewares_of_file()[middleware]["forwardAuth"]["address"])
    return visitor.get(f"{address.path}?{address.query}", headers={**passed, **own})


@pytest.mark.parametrize(("file", "labels"), [(only("yaml"), only("properties"))], ids=str)
def test_each_application_gets_its_own_rule_and_no_credentials(file: Block, labels: Block) -> None:
    middlewares = yaml.safe_load(file.text)["http"]["middlewares"]
    routers = labels_as_a_tree(labels.text)["routers"]
    rules = []
    for router in ("https-0-FILES", "https-0-BOOKS"):
        compression, entry, credentials = routers[router]["middlewares"].split(",")
        assert (compression, credentials) == ("gzip", "without-credentials@file")
        forward = middlewares[entry.removesuffix("@file")]["forwardAuth"]
        assert tuple(forward["authResponseHeaders"]) == IDENTITY_HEADERS
        assert forward["trustForwardHeader"] is False
        rules.append(parse_qs(urlsplit(forward["address"]).query)["groups"])
    assert rules == [["staff"], ["finance"]]


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


def test_the_other_application_is_for_others(visitor: Visitor) -> None:
    visitor.sign_in()
    assert asks_as_traefik(visitor, "GET", "/", {}).headers["x-auth-groups"] == "staff"
    refused = asks_as_traefik(visitor, "GET", "/", {}, middleware="finance-only")
    assert (refused.status_code, refused.json["code"]) == (403, "not_in_group")


def test_a_preflight_passes_and_names_nobody(visitor: Visitor) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    passed = asks_as_traefik(visitor, "OPTIONS", "/", asks)
    assert (passed.status_code, passed.headers["x-auth-user-id"]) == (200, "")
    assert asks_as_traefik(visitor, "PUT", "/", asks | {"X-Forwarded-Method": "OPTIONS"}).status_code == 403


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
