"""PROVIDERS and the variables of each: names, presets, and what is refused before anybody signs in."""

import re

import pytest

from app.settings.config import Config
from app.settings.providers import RESERVED, ProviderSettings
from app.settings.variables import ConfigError
from tests.support.service import PRODUCTION, ROOT

COMPLETE = {**PRODUCTION, "DATABASE_URL": "postgresql://u:p@db/app"}
GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def clients(*names: str) -> dict[str, str]:
    prefixes = [name.upper().replace("-", "_") for name in names]
    return {f"{prefix}_CLIENT_{part}": f"{prefix}-{part}" for prefix in prefixes for part in ("ID", "SECRET")}


def providers(**environ: str) -> tuple[ProviderSettings, ...]:
    return Config.from_environ(COMPLETE | environ).providers


def faults(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_environ(COMPLETE | environ)
    return caught.value.faults


def test_presets_need_their_client_alone() -> None:
    names = ["google", "microsoft", "github", "gitlab"]
    found = providers(PROVIDERS=",".join(names), **clients(*names))
    assert [provider.name for provider in found] == names
    assert [provider.label for provider in found] == ["Google", "Microsoft", "GitHub", "GitLab"]
    assert [provider.issuer for provider in found] == [
        "https://accounts.google.com",
        "https://login.microsoftonline.com/common/v2.0",
        "https://github.com",
        "https://gitlab.com",
    ]
    assert [provider.kind for provider in found] == ["openid", "microsoft", "github", "openid"]
    assert found[1].client_secret == "MICROSOFT-SECRET"
    assert found[2].scopes == ("read:user", "user:email")
    assert not any(provider.trusts_email or provider.internal_url for provider in found)


def test_another_provider_needs_its_issuer_too_and_keeps_its_order() -> None:
    [fault] = faults(PROVIDERS="my-idp,google", **clients("my-idp"))
    assert fault == "MY_IDP_ISSUER: required, and not set"
    first, second = providers(
        PROVIDERS=" my-idp , google ",
        MY_IDP_ISSUER="https://ID.example.com:443/realms/Main/",
        MY_IDP_LABEL="Our company",
        MY_IDP_SCOPES="openid email groups",
        MY_IDP_TRUST_EMAIL="true",
        MY_IDP_GROUPS_CLAIM="realm_access.roles",
        MY_IDP_INTERNAL_URL="http://keycloak:8080/realms/Main/",
        **clients("my-idp"),
    )
    assert (first.name, second.name) == ("my-idp", "google")
    assert first.issuer == "https://ID.example.com:443/realms/Main/"
    assert (first.label, first.scopes) == ("Our company", ("openid", "email", "groups"))
    assert (first.trusts_email, first.groups_claim) == (True, "realm_access.roles")
    assert first.internal_url == "http://keycloak:8080/realms/Main"


def test_production_requires_each_providers_client() -> None:
    assert faults(PROVIDERS="google,github,gitlab", **clients("gitlab")) == [
        "GITHUB_CLIENT_ID: required, and not set",
        "GITHUB_CLIENT_SECRET: required, and not set",
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("Google", "must be 1 to 32 of a-z"),
        ("my_idp", "must be 1 to 32 of a-z"),
        ("1idp", "must be 1 to 32 of a-z"),
        ("-idp", "must be 1 to 32 of a-z"),
        ("a" * 33, "must be 1 to 32 of a-z"),
        ("google,google", "would both have GOOGLE_CLIENT_ID"),
        (",", "names nothing"),
        *((name, "are other variables of the service") for name in sorted(RESERVED)),
    ],
)
def test_names_that_cannot_be_are_refused(names: str, sentence: str) -> None:
    [fault] = faults(PROVIDERS=names, **clients("a" * 33))
    assert fault.startswith("PROVIDERS: ")
    assert sentence in fault


def test_the_longest_name_is_accepted() -> None:
    name = "a" * 32
    [provider] = providers(PROVIDERS=name, **clients(name), **{f"{name.upper()}_ISSUER": "https://a.example"})
    assert provider.name == name


def test_no_provider_can_be_called_like_the_beginning_of_another_variable() -> None:
    table = PAGE.partition("## ")[0]
    names = {*re.findall(r"`([A-Z][A-Z_]+)`", table), "DEV_FOLDER", "TOKEN_LIFETIME"}
    own = re.compile(r"(N|GOOGLE|MICROSOFT|GITHUB|OIDC)_")
    beginnings = {
        "_".join(words[:count]).lower().replace("_", "-")
        for words in (name.split("_") for name in names if not own.match(name))
        for count in range(1, len(words))
    }
    assert beginnings == RESERVED


@pytest.mark.parametrize(
    "environ", [{}, {"PROVIDERS": "google"}, {"PROVIDERS": "github,google", **clients("github")}]
)
def test_the_issuer_of_former_releases_says_how_it_is_named_now(environ: dict[str, str]) -> None:
    [fault] = faults(OIDC_ISSUER="https://id.example.com", **environ)
    assert fault.startswith("OIDC_ISSUER: ")
    for word in ("PROVIDERS=oidc", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        assert word in fault


def test_a_provider_called_oidc_has_it() -> None:
    [provider] = providers(PROVIDERS="oidc", OIDC_ISSUER="https://id.example.com", **clients("oidc"))
    assert (provider.name, provider.issuer) == ("oidc", "https://id.example.com")


def test_variables_of_providers_that_are_not_listed_are_ignored() -> None:
    [google] = providers(GITHUB_URL="nonsense", MICROSOFT_TENANT="nonsense", MY_IDP_ISSUER="nonsense")
    assert google.name == "google"


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", GUID, GUID.upper()])
def test_microsofts_tenant_is_in_its_issuer(tenant: str) -> None:
    [provider] = providers(PROVIDERS="microsoft", MICROSOFT_TENANT=tenant, **clients("microsoft"))
    assert provider.issuer == f"https://login.microsoftonline.com/{tenant.lower()}/v2.0"
    assert provider.has_one_tenant == (tenant.lower() == GUID)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("MICROSOFT_TENANT", "contoso.com", "must be common, organizations"),
        ("MICROSOFT_TRUST_EMAIL", "perhaps", "must be true or false"),
        ("MICROSOFT_SCOPES", "email profile", "must have openid among them"),
        ("MICROSOFT_SCOPES", 'openid "x"', "must be scopes"),
        ("MICROSOFT_LABEL", "x" * 101, "at most 100"),
        ("MICROSOFT_INTERNAL_URL", "keycloak:8080", "is not a URL"),
        ("MICROSOFT_ISSUER", "https://id.example.com?tenant=1", "without ? and #"),
    ],
)
def test_a_providers_settings_are_checked(variable: str, value: str, sentence: str) -> None:
    [fault] = faults(PROVIDERS="microsoft", **clients("microsoft"), **{variable: value})
    assert fault.startswith(f"{variable}: ")
    assert sentence in fault


def test_an_enterprise_server_has_its_own_address() -> None:
    [provider] = providers(PROVIDERS="github", GITHUB_URL="https://git.example.com/", **clients("github"))
    assert provider.issuer == "https://git.example.com"


def warnings(**environ: str) -> list[str]:
    return Config.from_environ(COMPLETE | environ).warnings()


def test_two_names_for_one_issuer_are_told_at_the_start() -> None:
    one = {"A_ISSUER": "https://id.example.com", "B_ISSUER": "https://id.example.com/"}
    [warning] = warnings(PROVIDERS="a,b", **clients("a", "b"), **one)
    assert "a and b have one issuer" in warning
    assert warnings(PROVIDERS="a,b", **clients("a", "b"), **one | {"B_ISSUER": "https://other.example"}) == []


def test_trusting_every_tenants_addresses_is_told_to_have_no_effect() -> None:
    listed = {"PROVIDERS": "microsoft", "MICROSOFT_TRUST_EMAIL": "true", **clients("microsoft")}
    [warning] = warnings(**listed)
    assert "MICROSOFT_TRUST_EMAIL has no effect" in warning
    assert warnings(**listed, MICROSOFT_TENANT=GUID) == []


def test_development_has_a_provider_of_its_own_unless_google_or_others_are_set() -> None:
    def names(**environ: str) -> list[str]:
        return [
            provider.name for provider in Config.from_environ({"APP_ENV": "development"} | environ).providers
        ]

    assert names() == ["development"]
    assert names(GOOGLE_CLIENT_ID="id") == ["google"]
    assert names(PROVIDERS="oidc", OIDC_ISSUER="http://localhost:1234") == ["oidc"]


def test_secrets_of_providers_do_not_show() -> None:
    assert "GITHUB-SECRET" not in repr(providers(PROVIDERS="github", **clients("github")))
