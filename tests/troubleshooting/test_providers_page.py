"""Each section of docs/providers.md has variables that the service takes, and its redirect URI."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types
from dotenv import dotenv_values

from app.settings.config import Config
from app.settings.providers import SUFFIXES, prefix_of
from app.settings.variables import ConfigError
from tests.conftest import WEBAPP
from tests.support.asked_for import AskedFor
from tests.support.pages import Block, Page, rows
from tests.support.provider import OpenIDProvider
from tests.support.service import PRODUCTION
from tests.support.visitor import Visitor

PAGE, SIGN_IN = Page("providers.md"), Page("sign-in.md")
ELSEWHERE = {
    **{name: value for name, value in PRODUCTION.items() if not name.startswith("GOOGLE_")},
    "DATABASE_URL": "postgresql://service@db/service",
}


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of one provider.

    Attributes:
        heading: over it; in lower case its name in PROVIDERS.
        blocks: variables, which belong together.
    """

    heading: str
    blocks: tuple[Block, ...]

    def __str__(self) -> str:
        return self.heading

    @property
    def name(self) -> str:
        return self.heading.lower()

    @property
    def text(self) -> str:
        return PAGE.section(self.heading)

    @property
    def environ(self) -> dict[str, str]:
        text = "".join(block.text for block in self.blocks)
        return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def loaded(environ: Mapping[str, str]) -> Config | None:
    """What the service makes of these variables; None where it does not start."""
    try:
        return Config.from_environ(ELSEWHERE | dict(environ))
    except ConfigError:
        return None


HEADINGS = re.findall(r"^## (.+)$", PAGE.text, re.MULTILINE)
SECTIONS = [
    Section(heading, tuple(blocks)) for heading in HEADINGS if (blocks := PAGE.blocks("ini", below=heading))
]


def test_these_providers_have_a_section() -> None:
    names = ["google", "microsoft", "github", "gitlab", "keycloak", "authentik", "authelia", "auth0", "okta"]
    assert [section.name for section in SECTIONS] == names


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_a_sections_variables_are_all_read_and_raise_no_doubt(section: Section) -> None:
    environ = AskedFor(ELSEWHERE | section.environ)
    config = Config.from_environ(environ)
    [provider] = config.providers
    assert provider.name == section.name
    assert provider.label.lower() == section.name
    assert section.environ.keys() <= environ.names
    assert config.warnings() == []


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_a_section_has_three_things_to_click_and_no_variable_too_many(section: Section) -> None:
    assert re.findall(r"^(\d)\. ", section.text, re.MULTILINE) == ["1", "2", "3"]
    for name in section.environ:
        rest = {key: value for key, value in section.environ.items() if key != name}
        assert loaded(rest) != loaded(section.environ), name


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_a_section_names_the_redirect_uri_and_no_other(section: Section) -> None:
    uris = re.findall(r"https://[\w./-]+/auth/callback/\w+", section.text)
    assert set(uris) == {f"{PRODUCTION['API_URL']}/auth/callback/{section.name}"}


def test_all_nine_work_beside_each_other() -> None:
    environ = {name: value for section in SECTIONS for name, value in section.environ.items()}
    names = [section.name for section in SECTIONS]
    config = Config.from_environ(ELSEWHERE | environ | {"PROVIDERS": ",".join(names)})
    assert [provider.name for provider in config.providers] == names


@pytest.mark.parametrize("block", PAGE.blocks("yaml", below="Authelia"), ids=str)
def test_authelias_client_is_the_one_that_this_service_is(block: Block) -> None:
    [client] = yaml.safe_load(block.text)["identity_providers"]["oidc"]["clients"]
    [section] = [section for section in SECTIONS if section.name == "authelia"]
    [provider] = Config.from_environ(ELSEWHERE | section.environ).providers
    assert client["client_id"] == provider.client_id
    assert client["redirect_uris"] == [f"{PRODUCTION['API_URL']}/auth/callback/authelia"]
    assert client["scopes"] == list(provider.scopes)


def test_microsofts_addresses_count_for_the_reason_that_the_page_gives() -> None:
    [section] = [section for section in SECTIONS if section.name == "microsoft"]
    [provider] = Config.from_environ(ELSEWHERE | section.environ).providers
    assert provider.trusts_email
    assert provider.has_one_tenant
    for tenant in ("", "organizations", "consumers"):
        config = Config.from_environ(ELSEWHERE | section.environ | {"MICROSOFT_TENANT": tenant})
        assert any("MICROSOFT_TRUST_EMAIL has no effect" in sentence for sentence in config.warnings())


@pytest.mark.parametrize("page", [PAGE, SIGN_IN], ids=lambda page: page.path.name)
def test_every_variable_on_the_pages_is_one_that_the_service_reads(page: Page) -> None:
    environ = AskedFor({"PROVIDERS": ",".join(["n", "oidc", *(section.name for section in SECTIONS)])})
    with pytest.raises(ConfigError):
        Config.from_environ(environ)
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z_]+)[`=/]", page.text))
    theirs = {"KC_HOSTNAME"}
    assert named - theirs <= environ.names
    of_providers = {prefix_of(section.name) + suffix for section in SECTIONS for suffix in SUFFIXES}
    assert page is SIGN_IN or named & of_providers


@pytest.mark.parametrize("page", [PAGE, SIGN_IN], ids=lambda page: page.path.name)
def test_every_code_on_the_pages_is_explained(page: Page) -> None:
    tables = [Page("errors.md").text, SIGN_IN.section("When sign-in fails")]
    explained = {row[0].strip("`") for table in tables for row in rows(table)}
    said = page.text.partition("## What the log says")[0]
    named = set(re.findall(r"(?:with|get|gets|:|[45]\d\d) \[?`([a-z]+_[a-z_]+)`", said))
    assert named
    assert named <= explained


@pytest.mark.parametrize(
    ("verified", "trusts", "lets_in"),
    [(True, "false", True), (False, "true", False), (None, "false", False), (None, "true", True)],
)
def test_an_address_counts_as_the_page_says(
    *,
    verified: bool | None,
    trusts: str,
    lets_in: bool,
    provider: OpenIDProvider,
    make_app: Callable[..., Any],
) -> None:
    provider.person["email_verified"] = verified
    provider.changes = {"email_verified": verified}
    answer = Visitor(make_app(OIDC_TRUST_EMAIL=trusts), origin=WEBAPP).sign_in()
    place = "/auth/register" if lets_in else "/auth/login?error=email_not_verified"
    assert answer.headers["location"] == WEBAPP + place


def test_an_id_token_without_nonce_is_refused(provider: OpenIDProvider, make_app: Callable[..., Any]) -> None:
    provider.changes = {"nonce": None}
    answer = Visitor(make_app(), origin=WEBAPP).sign_in()
    assert answer.headers["location"] == f"{WEBAPP}/auth/login?error=invalid_token"
