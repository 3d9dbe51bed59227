"""What /auth/identities answers where the provider does not."""

from collections.abc import Callable
from typing import Any

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider, client_at
from tests.support.service import free_port
from tests.support.visitor import Visitor


def test_a_provider_that_is_away_is_a_503(make_app: Callable[..., Any], provider: OpenIDProvider) -> None:
    both = client_at(f"http://localhost:{free_port()}", "other") | client_at(provider.issuer)
    visitor = Visitor(make_app(**both | {"PROVIDERS": "oidc,other"}), origin=WEBAPP)
    visitor.sign_in(provider="oidc")
    visitor.post("/auth/register")
    answer = visitor.post("/auth/identities", json={"provider": "other"})
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert not answer.cookies
    assert visitor.is_signed_in
