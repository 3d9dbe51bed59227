"""However a client spells an identity header, an application that folds names reads the service's value."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import pytest

from app.web.media import IDENTITY_HEADERS
from tests.forward_auth.sites import FILES, Person, Site, behind, client_of, start_nginx
from tests.support.tls import CertificateAuthority

pytestmark = pytest.mark.full

NO_LETTER = "!#$%&'*+-.^_`|~"
"""What a header's name may have besides letters and digits (RFC 9110, section 5.6.2)."""
COMMON = "-_."
"""What PHP reads alike: servers fold the first two, PHP itself the dot."""
HEADERS_AT_ONCE = 40
LENIENT = """
    underscores_in_headers on;
    ignore_invalid_headers off;
    server { LISTEN TLS server_name other.example.test; return 204; }
"""
"""What stands around the page's server where somebody allowed more for another application."""
OTHERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Method", "X-Forwarded-Uri")


def spellings(name: str) -> Iterator[list[str]]:
    """The name with other separators, as many as one request carries at a time.

    They are every mix of the common separators, and each other one by itself and beside hyphens.
    """
    words = name.split("-")
    gaps = len(words) - 1
    mixes = {*product(COMMON, repeat=gaps), *((character,) * gaps for character in NO_LETTER)}
    mixes |= {(*"-" * (gaps - 1), character) for character in NO_LETTER}
    texts = ["".join(map("".join, zip(words, (*mix, ""), strict=True))) for mix in sorted(mixes)]
    cases = (str.lower, str.upper, str.title, str.swapcase)
    names = [cases[number % len(cases)](text) for number, text in enumerate(texts)]
    for start in range(0, len(names), HEADERS_AT_ONCE):
        yield names[start : start + HEADERS_AT_ONCE]


def variables(site: Site, person: Person, names: list[str]) -> dict[str, list[str]]:
    """What a CGI application finds, where any other character than a letter or digit becomes `_`."""
    forged = [(name, "forged") for name in names]
    answer = site.client.get(f"{FILES}/report", [person.cookie, *forged])
    assert answer.status == 200, answer
    found: dict[str, list[str]] = {}
    for name, value in json.loads(answer.body)["headers"]:
        folded = "".join(character if character.isalnum() else "_" for character in name.upper())
        found.setdefault(f"HTTP_{folded}", []).append(unquote(value))
    return found


@pytest.mark.parametrize("header", IDENTITY_HEADERS)
def test_an_application_that_folds_names_finds_the_services_value_alone(site: Site, header: str) -> None:
    person = site.sign_in(name="Ada Lovelace")
    names = dict(zip(IDENTITY_HEADERS, (person.user_id, person.email, "Ada Lovelace", "staff"), strict=True))
    for some in spellings(header):
        found = variables(site, person, some)
        assert {name: found[f"HTTP_{name.upper().replace('-', '_')}"] for name in names} == {
            name: [value] for name, value in names.items()
        }
        assert "forged" not in str(found)


def test_a_header_that_is_left_empty_stays_empty_in_every_spelling(site: Site) -> None:
    person = site.sign_in(name=None)
    for some in spellings("X-Auth-Name"):
        assert variables(site, person, some).get("HTTP_X_AUTH_NAME", [""]) == [""]


@pytest.mark.parametrize("header", OTHERS)
def test_nor_does_it_find_a_clients_word_about_the_request(site: Site, header: str) -> None:
    person = site.sign_in()
    for some in spellings(header):
        assert "forged" not in str(variables(site, person, some))


@pytest.mark.parametrize("character", NO_LETTER.replace("-", ""))
def test_no_name_with_another_character_than_letters_digits_and_hyphens_gets_through(
    site: Site, character: str
) -> None:
    person = site.sign_in()
    answer = site.client.get(f"{FILES}/report", [person.cookie, (f"a{character}b-c", "x"), ("d-e1", "x")])
    names = [name for name, _ in json.loads(answer.body)["headers"]]
    assert f"a{character}b-c" not in names
    assert "d-e1" in names


@behind("nginx")
def test_the_pages_server_is_strict_inside_a_lenient_nginx(
    site: Site, authority: CertificateAuthority, certificate: Path, tmp_path: Path
) -> None:
    person = site.sign_in()
    with start_nginx(
        certificate, tmp_path, service=site.service.port, application=site.application, before=LENIENT
    ) as server:
        lenient = replace(site, client=client_of(server, authority), port=server.port)
        for some in spellings("X-Auth-Email"):
            assert variables(lenient, person, some)["HTTP_X_AUTH_EMAIL"] == [person.email]


def test_a_client_cannot_have_an_identity_header_dropped_as_one_of_its_connection(site: Site) -> None:
    person = site.sign_in()
    listed = ("Connection", f"close, {', '.join(IDENTITY_HEADERS)}")
    answer = site.client.get(f"{FILES}/report", [person.cookie, listed])
    headers = dict(json.loads(answer.body)["headers"])
    assert headers["x-auth-user-id"] == person.user_id
