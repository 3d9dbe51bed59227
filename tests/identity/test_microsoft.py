"""Microsoft: tokens of many tenants, and whose addresses are believed."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import WEBAPP
from tests.identity import tokens
from tests.identity.conftest import Connection, Refusal
from tests.support.microsoft import CONSUMERS, OTHER_TENANT, TENANT, issuer_of, speak_as_microsoft
from tests.support.provider import OpenIDProvider, json_answer
from tests.support.visitor import Visitor

AFFIRMED = {"xms_edov": True}


@pytest.fixture
def app(make_app: Callable[..., Any], provider: OpenIDProvider) -> Any:
    """Lets in all tenants."""
    environ = speak_as_microsoft(provider, asked="common")
    return make_app(**environ)


def test_somebody_of_any_tenant_signs_in(
    visitor: Visitor, provider: OpenIDProvider, connection: Connection
) -> None:
    provider.changes |= AFFIRMED
    visitor.register()
    row = connection.execute("SELECT issuer, subject FROM identities").fetchone()
    assert row == (issuer_of(provider, TENANT), provider.person["sub"])
    [identity] = visitor.get("/auth/identities").json["identities"]
    assert identity["provider"] == "microsoft"


def test_the_same_subject_of_another_tenant_is_somebody_else(app: Any, provider: OpenIDProvider) -> None:
    provider.changes |= AFFIRMED
    first, second = Visitor(app, origin=WEBAPP), Visitor(app, origin=WEBAPP)
    first.register()
    provider.person |= {"tid": OTHER_TENANT, "email": "other@example.com"}
    provider.changes |= {"iss": issuer_of(provider, OTHER_TENANT)}
    assert second.sign_in().headers["location"] == f"{WEBAPP}/auth/register"


EDOVS: dict[str, tuple[dict[str, Any], bool]] = {
    "true": ({"xms_edov": True}, True),
    "one": ({"xms_edov": 1}, True),
    "text": ({"xms_edov": "1"}, True),
    "text-true": ({"xms_edov": "true"}, True),
    "false": ({"xms_edov": False}, False),
    "zero": ({"xms_edov": 0}, False),
    "text-zero": ({"xms_edov": "0"}, False),
    "missing": ({}, False),
    "list": ({"xms_edov": [True]}, False),
    "email-verified-alone": ({"email_verified": True}, False),
    "denied": ({"xms_edov": True, "email_verified": False}, False),
}


@pytest.mark.parametrize(("claims", "counts"), EDOVS.values(), ids=EDOVS)
@pytest.mark.parametrize("trust", ["false", "true"])
def test_an_address_counts_if_its_domain_is_verified(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    refusal: Refusal,
    claims: dict[str, Any],
    counts: bool,  # noqa: FBT001
    trust: str,
) -> None:
    """Whatever MICROSOFT_TRUST_EMAIL says: in other tenants anybody may claim any address."""
    environ = speak_as_microsoft(provider, asked="common")
    provider.changes |= claims
    answer = Visitor(make_app(**environ, MICROSOFT_TRUST_EMAIL=trust)).sign_in()
    if counts:
        assert answer.headers["location"] == f"{WEBAPP}/auth/register"
    else:
        refusal.check(answer, "email_not_verified", "vouch")


@pytest.mark.parametrize(
    ("trust", "claims", "counts"),
    [
        ("true", {}, True),
        ("true", {"email_verified": False}, False),
        ("false", {}, False),
        ("false", AFFIRMED, True),
    ],
)
def test_a_single_tenant_can_be_trusted(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    trust: str,
    claims: dict[str, Any],
    counts: bool,  # noqa: FBT001
) -> None:
    environ = speak_as_microsoft(provider, asked=TENANT, named=TENANT)
    provider.changes |= claims
    answer = Visitor(make_app(**environ, MICROSOFT_TRUST_EMAIL=trust)).sign_in()
    assert ("error" not in answer.headers["location"]) == counts


def test_an_address_in_userinfo_alone_is_affirmed_by_nobody(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.changes |= AFFIRMED | {"email": None}
    refusal.check(visitor.sign_in(), "email_not_verified", "")


def test_another_tenants_token_is_refused(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal
) -> None:
    environ = speak_as_microsoft(provider, asked=TENANT, named=TENANT)
    provider.changes |= AFFIRMED | {"tid": OTHER_TENANT, "iss": issuer_of(provider, OTHER_TENANT)}
    refusal.check(Visitor(make_app(**environ)).sign_in(), "invalid_token", "another tenant")


WRONG: dict[str, tuple[Callable[[OpenIDProvider], dict[str, Any]], str]] = {
    "issuer-of-another-tenant": (lambda it: {"iss": issuer_of(it, OTHER_TENANT)}, "Invalid issuer"),
    "placeholder": (lambda it: {"iss": issuer_of(it, "{tenantid}")}, "Invalid issuer"),
    "placeholder-twice": (lambda it: {"iss": issuer_of(it, "{tenantid}"), "tid": "{tenantid}"}, "tid"),
    "no-tenant": (lambda _: {"tid": None}, "tid"),
    "tenant-number": (lambda _: {"tid": 5}, "tid"),
    "tenant-path": (lambda it: {"tid": "../x", "iss": issuer_of(it, "../x")}, "tid"),
    "tenant-common": (lambda it: {"tid": "common", "iss": issuer_of(it, "common")}, "tid"),
    "tenant-in-capitals": (
        lambda it: {"tid": TENANT.upper(), "iss": issuer_of(it, TENANT.upper())}, "tid",
    ),
    "another-host": (lambda _: {"iss": f"https://evil.example/{TENANT}/v2.0"}, "Invalid issuer"),
    "version-1": (lambda it: {"iss": f"{it.issuer}/{TENANT}/"}, "Invalid issuer"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "cause"), WRONG.values(), ids=WRONG)
def test_a_token_whose_issuer_and_tenant_differ_is_refused(
    visitor: Visitor,
    provider: OpenIDProvider,
    refusal: Refusal,
    changes: Callable[[OpenIDProvider], dict[str, Any]],
    cause: str,
) -> None:
    provider.changes |= AFFIRMED | changes(provider)
    refusal.check(visitor.sign_in(), "invalid_token", cause)


@pytest.mark.parametrize("make", [lambda *_: "a.b.c", lambda *_: "", lambda *_: 5, tokens.nested_deeply])
def test_what_is_no_token_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, make: tokens.Maker
) -> None:
    provider.make_id_token = lambda claims: make(provider, claims)
    refusal.check(visitor.sign_in(), "invalid_token", "")


@pytest.mark.parametrize(
    ("issuer", "is_accepted"), [("{tenantid}", True), (TENANT, True), (OTHER_TENANT, False)]
)
def test_a_key_may_be_one_tenants(
    visitor: Visitor,
    provider: OpenIDProvider,
    issuer: str,
    is_accepted: bool,  # noqa: FBT001
) -> None:
    provider.changes |= AFFIRMED
    keys = [key | {"issuer": issuer_of(provider, issuer)} for key in provider.key_set()["keys"]]
    provider.answers["/jwks"] = lambda _: json_answer({"keys": keys})
    assert ("error" not in visitor.sign_in().headers["location"]) == is_accepted


@pytest.mark.parametrize(
    ("asked", "named"),
    [("common", TENANT), ("common", "common"), (TENANT, "{tenantid}"), (TENANT, OTHER_TENANT)],
)
def test_metadata_of_another_issuer_are_refused(
    make_app: Callable[..., Any], provider: OpenIDProvider, refusal: Refusal, asked: str, named: str
) -> None:
    environ = speak_as_microsoft(provider, asked=asked, named=named)
    refusal.check(Visitor(make_app(**environ)).get("/auth/login"), "provider_unavailable", "another issuer")


def test_personal_accounts_alone(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    environ = speak_as_microsoft(provider, asked="consumers", named=CONSUMERS)
    provider.changes |= AFFIRMED
    visitor = Visitor(make_app(**environ), origin=WEBAPP)
    visitor.register()
    assert visitor.get("/auth/identities").json["identities"][0]["provider"] == "microsoft"


def test_a_callback_may_name_the_tenants_issuer(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.changes |= AFFIRMED
    issuer = quote(issuer_of(provider, TENANT), safe="")
    assert "error" not in visitor.get(f"{visitor.go_to_provider()}&iss={issuer}").headers["location"]
    for wrong in ("{tenantid}", "common"):
        issuer = quote(issuer_of(provider, wrong), safe="")
        location = visitor.get(f"{visitor.go_to_provider()}&iss={issuer}").headers["location"]
        assert location.endswith("error=invalid_state")
