"""Traefik's part of the page: its file and labels say the same, and what it takes from requests."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from app.settings.config import Config
from app.web.media import IDENTITY_HEADERS
from tests.forward_auth.page import DOMAIN, block, on_our_hosts, only
from tests.forward_auth.sites import FILES, SETTINGS, Site, behind, client_of, start_traefik
from tests.forward_auth.test_proxies import headers_of
from tests.support.pages import Block
from tests.support.tls import CertificateAuthority
from tests.support.traefik import labels_as_a_tree

LARGE = "; ".join(f"c{number}={'x' * 3900}" for number in range(6))


def names_taken() -> set[str]:
    """The headers that the page's middleware empties."""
    middlewares: Any = yaml.safe_load(block("yaml"))["http"]["middlewares"]
    headers = middlewares["without-credentials"]["headers"]["customRequestHeaders"]
    return {name for name, value in headers.items() if value == ""}


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
    taken = names_taken()
    mixes = set()
    for words in (name.split("-") for name in IDENTITY_HEADERS):
        for separators in product("-_", repeat=len(words) - 1):
            mixes.add("".join(map("".join, zip(words, (*separators, ""), strict=True))))
    assert taken == {"Authorization", "Cookie"} | mixes - set(IDENTITY_HEADERS)


@pytest.mark.full
@behind("traefik")
def test_no_credentials_reach_an_application_unless_the_page_leaves_them(
    site: Site, authority: CertificateAuthority, certificate: Path, tmp_path: Path
) -> None:
    person = site.sign_in()
    cookies = f"{LARGE}; {person.cookie[1]}"
    sent = [("Cookie", cookies), ("Authorization", "Basic YTpi")]
    arrived = headers_of(site.client.get(f"{FILES}/report", sent))
    assert not {"cookie", "authorization"} & set(arrived)
    with start_traefik(
        certificate,
        tmp_path,
        service=site.service.port,
        application=site.application,
        left=["Cookie", "Authorization"],
    ) as server:
        answer = client_of(server, authority).get(f"{FILES}/report", sent)
    arrived = headers_of(answer)
    assert (arrived["cookie"], arrived["authorization"]) == (cookies, "Basic YTpi")


@pytest.mark.full
@behind("traefik")
def test_without_the_pages_option_the_middleware_takes_the_names_that_it_lists(
    site: Site, authority: CertificateAuthority, certificate: Path, tmp_path: Path
) -> None:
    person = site.sign_in(name=None)
    names = (*IDENTITY_HEADERS, *names_taken() - {"Authorization", "Cookie"})
    forged = [(name, "forged") for name in names]
    with start_traefik(
        certificate, tmp_path, service=site.service.port, application=site.application, options=()
    ) as server:
        answer = client_of(server, authority).get(f"{FILES}/report", [person.cookie, *forged])
    assert headers_of(answer)["x-auth-user-id"] == person.user_id
    assert "forged" not in answer.body.decode()


@pytest.mark.parametrize("block", [only("ini")], ids=str)
def test_the_variables_of_the_page_share_the_session_and_trust_the_proxy(
    block: Block, make_config: Callable[..., Config]
) -> None:
    given = dict(line.split("=") for line in on_our_hosts(block.text).splitlines())
    assert given["COOKIE_DOMAIN"] == SETTINGS["COOKIE_DOMAIN"]
    config = make_config(**{**SETTINGS, **given})
    assert config.cookie_domain == DOMAIN
    assert [str(network) for network in config.trusted_proxies] == [given["TRUSTED_PROXIES"]]
