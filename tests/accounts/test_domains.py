"""ALLOWED_EMAIL_DOMAINS: in either form of international names, and for what is below one."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.settings.test_config import COMPLETE, faults
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor


@pytest.mark.parametrize(
    ("listed", "email", "is_admitted"),
    [
        ("münchen.example", "a@münchen.example", True),
        ("münchen.example", "a@xn--mnchen-3ya.example", True),
        ("xn--mnchen-3ya.example", "a@münchen.example", True),
        ("MÜNCHEN.example", "a@München.EXAMPLE", True),
        ("münchen.example", "a@munchen.example", False),
        ("strasse.example", "a@straße.example", False),
        ("straße.example", "a@strasse.example", False),
        ("*.corp.example", "a@eu.corp.example", True),
        ("*.corp.example", "a@west.eu.corp.example", True),
        ("*.corp.example", "a@corp.example", False),
        ("*.corp.example", "a@evilcorp.example", False),
        ("*.corp.example", "a@eu.corp.example.evil.example", False),
        ("corp.example", "a@eu.corp.example", False),
        ("corp.example,*.corp.example", "a@corp.example", True),
        ("*.münchen.example", "a@ost.xn--mnchen-3ya.example", True),
        ("@corp.example", "a@corp.example", True),
    ],
)
def test_a_domain_is_the_same_in_either_form(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    listed: str,
    email: str,
    is_admitted: bool,  # noqa: FBT001  # a column
) -> None:
    provider.person["email"] = email
    visitor = Visitor(make_app(ALLOWED_EMAIL_DOMAINS=listed), origin=WEBAPP)
    location = visitor.sign_in().headers["location"]
    assert location == f"{WEBAPP}/auth/register" if is_admitted else location.endswith("=domain_not_allowed")


def test_an_address_is_the_same_in_either_form(
    make_app: Callable[..., Any], provider: OpenIDProvider
) -> None:
    provider.person["email"] = "Ada@xn--mnchen-3ya.example"
    visitor = Visitor(make_app(ALLOWED_EMAILS="ada@münchen.example"), origin=WEBAPP)
    assert visitor.sign_in().headers["location"] == f"{WEBAPP}/auth/register"


def test_a_dot_alone_before_a_domain_is_refused_with_what_to_write() -> None:
    [fault] = faults({**COMPLETE, "ALLOWED_EMAIL_DOMAINS": ".corp.example"})
    assert fault == (
        "ALLOWED_EMAIL_DOMAINS: '.corp.example': write *.corp.example for the domains below it, "
        "and corp.example for itself"
    )


@pytest.mark.parametrize("value", ["*", "*.", "a.*.example", "**.corp.example", "-a.example", "a..example"])
def test_what_is_no_domain_is_refused(value: str) -> None:
    [fault] = faults({**COMPLETE, "ALLOWED_EMAIL_DOMAINS": value})
    assert fault.startswith("ALLOWED_EMAIL_DOMAINS: ")
