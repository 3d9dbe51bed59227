"""PyPI's oidc-provider-mock signs people in as it comes, if somebody vouches for their addresses."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.identity.outside.pages import PersonAtProvider
from tests.support.visitor import Visitor


@pytest.fixture
def visit(make_app: Callable[..., Any], python_mock: str) -> Callable[..., Visitor]:
    def visit(**environ: str) -> Visitor:
        client = {"MOCK_ISSUER": python_mock, "MOCK_CLIENT_ID": "any", "MOCK_CLIENT_SECRET": "any"}
        return Visitor(make_app(PROVIDERS="mock", **client, **environ), origin=WEBAPP)

    return visit


def test_whom_it_describes_signs_in(visit: Callable[..., Visitor]) -> None:
    visitor, person = visit(), PersonAtProvider("grace")
    person.sign_in(visitor)
    assert visitor.post("/auth/register").json["name"] == "Grace"


def test_for_others_nobody_vouches_unless_it_is_trusted(
    visit: Callable[..., Visitor], person: PersonAtProvider, refusal: Refusal
) -> None:
    visitor = visit()
    answer = person.sign_in(visitor)
    refusal.check(answer, "email_not_verified", "")
    visitor = visit(MOCK_TRUST_EMAIL="true")
    person.sign_in(visitor)
    assert visitor.post("/auth/register").json["email"] == "ada@example.com"


def test_it_brings_people_back_who_sign_out_there_too(
    visit: Callable[..., Visitor], person: PersonAtProvider
) -> None:
    visitor = visit(MOCK_TRUST_EMAIL="true")
    person.sign_in(visitor)
    url = visitor.post("/auth/logout?provider=1").json["logout_url"]
    assert not visitor.is_signed_in
    assert person.go_through(url).startswith(WEBAPP)
