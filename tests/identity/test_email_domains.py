"""Whom ALLOWED_EMAIL_DOMAINS lets in, and what Google has to say about them besides."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.support.provider import OpenIDProvider
from tests.support.tls import CertificateAuthority
from tests.support.visitor import Visitor

ALLOWED = "company.example, Company.test, gmail.com, googlemail.com"
ADMITTED: dict[str, dict[str, Any]] = {
    "the-organisations": {"email": "ada@company.example", "hd": "company.example"},
    "another-domain-of-the-organisation": {"email": "ada@company.test", "hd": "company.example"},
    "capitals": {"email": "Ada@COMPANY.example", "hd": "Company.Example"},
    "gmail": {"email": "ada@gmail.com"},
    "googlemail": {"email": "ada@googlemail.com"},
}
REFUSED: dict[str, dict[str, Any]] = {
    "a-private-account": {"email": "ada@company.example"},
    "another-organisation": {"email": "ada@company.example", "hd": "elsewhere.example"},
    "empty": {"email": "ada@company.example", "hd": ""},
    "a-list": {"email": "ada@company.example", "hd": ["company.example"]},
    "true": {"email": "ada@company.example", "hd": True},
    "a-subdomain": {"email": "ada@company.example", "hd": "sub.company.example"},
    "a-final-dot": {"email": "ada@company.example", "hd": "company.example."},
    "letters-alike": {"email": "ada@company.example", "hd": "\N{CYRILLIC SMALL LETTER ES}ompany.example"},
    "an-address-that-is-not-listed": {"email": "ada@elsewhere.example", "hd": "company.example"},
}


@pytest.fixture
def provider(https_provider: OpenIDProvider) -> OpenIDProvider:
    return https_provider


@pytest.mark.parametrize("claims", ADMITTED.values(), ids=ADMITTED)
def test_an_account_of_a_listed_organisation_is_admitted(
    google: Callable[..., Visitor], provider: OpenIDProvider, claims: dict[str, Any]
) -> None:
    provider.person |= claims
    assert google(ALLOWED_EMAIL_DOMAINS=ALLOWED).sign_in().headers["location"] == f"{WEBAPP}/auth/register"


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_a_company_address_alone_admits_nobody_from_google(
    google: Callable[..., Visitor], provider: OpenIDProvider, refusal: Refusal, claims: dict[str, Any]
) -> None:
    provider.person |= claims
    refusal.check(
        google(ALLOWED_EMAIL_DOMAINS=ALLOWED).sign_in(), "domain_not_allowed", "ALLOWED_EMAIL_DOMAINS"
    )


def test_who_has_left_an_organisation_cannot_come_back(
    google: Callable[..., Visitor], provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.person |= {"email": "ada@company.example", "hd": "company.example"}
    visitor = google(ALLOWED_EMAIL_DOMAINS=ALLOWED)
    visitor.register()
    visitor.post("/auth/logout")
    del provider.person["hd"]
    refusal.check(visitor.sign_in(), "domain_not_allowed", "hd", sessions=2)


def test_gmail_that_is_not_listed_is_refused(
    google: Callable[..., Visitor], provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.person |= {"email": "ada@gmail.com", "hd": "company.example"}
    refusal.check(
        google(ALLOWED_EMAIL_DOMAINS="company.example").sign_in(), "domain_not_allowed", "nor its domain"
    )


def test_without_a_list_no_organisation_is_asked_for(
    google: Callable[..., Visitor], provider: OpenIDProvider
) -> None:
    provider.person |= {"email": "ada@company.example"}
    assert google().sign_in().headers["location"] == f"{WEBAPP}/auth/register"


def test_other_providers_say_nothing_of_organisations(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
    provider.person |= {"email": "ada@company.example"}
    visitor = Visitor(make_app(OIDC_ISSUER=provider.issuer, ALLOWED_EMAIL_DOMAINS=ALLOWED))
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"
