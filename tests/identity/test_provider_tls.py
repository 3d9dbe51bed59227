"""A provider on https, as all are in production."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.identity.conftest import Refusal
from tests.identity.misbehaviour import ENDPOINTS, Patience, begin_and_finish
from tests.support.provider import OpenIDProvider
from tests.support.tls import CertificateAuthority


@pytest.fixture
def app(
    make_app: Callable[..., Any],
    https_provider: OpenIDProvider,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
    return make_app(OIDC_ISSUER=https_provider.issuer)


def test_people_sign_in_over_https(app: Any) -> None:
    assert "session" in begin_and_finish(app).cookies


def test_a_certificate_nobody_vouches_for_makes_the_provider_unavailable(
    app: Any, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    refusal.check(begin_and_finish(app), "provider_unavailable", "CERTIFICATE_VERIFY_FAILED")


@pytest.mark.parametrize("field", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_an_https_provider_has_https_endpoints(
    app: Any, https_provider: OpenIDProvider, refusal: Refusal, field: str
) -> None:
    https_provider.metadata[field] = https_provider.metadata[field].replace("https:", "http:")
    refusal.check(begin_and_finish(app), "provider_unavailable", field)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_patience_ends_over_https_too(
    app: Any,
    https_provider: OpenIDProvider,
    refusal: Refusal,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
) -> None:
    monkeypatch.setattr("app.identity.providers.provider_http.TOTAL_TIMEOUT", 1.2)
    patience = Patience()
    patience.drip_body(https_provider, ENDPOINTS[endpoint])
    began = time.monotonic()
    answer = begin_and_finish(app)
    patience.release()
    refusal.check(answer, "provider_unavailable", "imed out")
    assert time.monotonic() - began < 5
