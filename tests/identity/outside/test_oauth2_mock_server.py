"""npm's oauth2-mock-server signs people in as far as it tells the truth about itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.identity.outside.node_provider import running
from tests.identity.outside.pages import PersonAtProvider
from tests.support.visitor import Visitor

pytestmark = pytest.mark.full

CLIENT = {"PROVIDERS": "mock", "MOCK_CLIENT_ID": "any", "MOCK_CLIENT_SECRET": "any"}
VOUCHED = {"email": "john@example.com", "email_verified": True}


def test_people_sign_in_and_out_there_too(
    npm_folder: Path, make_app: Callable[..., Any], person: PersonAtProvider
) -> None:
    with running("oauth2_mock_server.js", npm_folder, algorithm="RS256", claims=VOUCHED) as issuer:
        visitor = Visitor(make_app(**CLIENT, MOCK_ISSUER=issuer), origin=WEBAPP)
        person.sign_in(visitor)
        assert visitor.post("/auth/register").json["email"] == "john@example.com"
        url = visitor.post("/auth/logout?provider=1").json["logout_url"]
        assert person.go_through(url).startswith(WEBAPP)
    assert not visitor.is_signed_in


def test_without_an_address_nobody_signs_in(
    npm_folder: Path, make_app: Callable[..., Any], person: PersonAtProvider, refusal: Refusal
) -> None:
    with running("oauth2_mock_server.js", npm_folder, algorithm="RS256", claims={}) as issuer:
        visitor = Visitor(make_app(**CLIENT, MOCK_ISSUER=issuer))
        answer = person.sign_in(visitor)
    refusal.check(answer, "email_not_verified", "")


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
def test_an_algorithm_that_discovery_does_not_announce_is_refused(
    npm_folder: Path,
    make_app: Callable[..., Any],
    person: PersonAtProvider,
    refusal: Refusal,
    algorithm: str,
) -> None:
    """It announces RS256 whatever its keys are."""
    with running("oauth2_mock_server.js", npm_folder, algorithm=algorithm, claims=VOUCHED) as issuer:
        visitor = Visitor(make_app(**CLIENT, MOCK_ISSUER=issuer))
        answer = person.sign_in(visitor)
    refusal.check(answer, "invalid_token", "")
