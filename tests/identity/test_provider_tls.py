"""A provider on https, as all are in production."""

import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.identity.conftest import Refusal
from tests.identity.misbehaviour import ENDPOINTS, Patience, begin_and_finish
from tests.support.provider import OpenIDProvider


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(signed.public_bytes(Encoding.PEM) + pem)
    return path


@pytest.fixture
def https_provider(certificate: Path) -> Iterator[OpenIDProvider]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    provider = OpenIDProvider(context)
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def app(
    make_app: Callable[..., Any],
    https_provider: OpenIDProvider,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
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
    monkeypatch.setattr("app.identity.provider_http.TOTAL_TIMEOUT", 1.2)
    patience = Patience()
    patience.drip_body(https_provider, ENDPOINTS[endpoint])
    began = time.monotonic()
    answer = begin_and_finish(app)
    patience.release()
    refusal.check(answer, "provider_unavailable", "imed out")
    assert time.monotonic() - began < 5
