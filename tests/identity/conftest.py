"""What a sign-in that was refused may leave behind: a redirect, a log record, nothing else."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from falcon.testing import Result

from app.accounts.admission import GOOGLE
from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE, WEBAPP
from tests.support.databases import fresh_database
from tests.support.provider import OpenIDProvider, client_at
from tests.support.tls import CertificateAuthority
from tests.support.visitor import Visitor

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="package")
def _shared_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres, template=TEMPLATE) as url:
        yield url


@pytest.fixture
def database_url(_shared_database_url: str) -> str:
    """A database without rows. Making one for each of so many tests would take longer than the tests."""
    with psycopg.connect(_shared_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM sessions")
        connection.execute("DELETE FROM users")
        connection.execute("DELETE FROM logout_tokens")
    return _shared_database_url


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def https_provider(authority: CertificateAuthority) -> Iterator[OpenIDProvider]:
    provider = OpenIDProvider(authority.server_context("localhost"))
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def google(
    make_app: Callable[..., Any],
    https_provider: OpenIDProvider,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Visitor]:
    """A visitor of a service whose provider is called Google, and answers where the tests' own does."""
    documents = {
        f"{GOOGLE}/.well-known/openid-configuration": https_provider.metadata | {"issuer": GOOGLE},
        https_provider.metadata["jwks_uri"]: https_provider.key_set(),
    }
    monkeypatch.setattr("app.identity.providers.fetcher.get_json", documents.__getitem__)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
    https_provider.changes = {"iss": GOOGLE}

    def visit(**environ: str) -> Visitor:
        return Visitor(make_app(**client_at(GOOGLE, "google"), **environ), origin=WEBAPP)

    return visit


@pytest.fixture(scope="package")
def _other_provider() -> Iterator[OpenIDProvider]:
    provider = OpenIDProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def other(_other_provider: OpenIDProvider) -> OpenIDProvider:
    """A second honest provider, with a person of its own."""
    _other_provider.reset()
    return _other_provider


@pytest.fixture
def two(provider: OpenIDProvider, other: OpenIDProvider) -> dict[str, str]:
    """The environment of a service with two providers."""
    both = client_at(provider.issuer) | client_at(other.issuer, "other")
    return both | {"PROVIDERS": "oidc,other", "OTHER_LABEL": "Other & Co"}


@pytest.fixture
def ada(app: Any) -> Visitor:
    """Somebody registered with the provider `oidc`, in a module whose service has two."""
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register(provider="oidc")
    return visitor


class Refusal:
    """Looks at the end of a sign-in that had to fail."""

    def __init__(self, connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
        self._connection = connection
        self._caplog = caplog

    def check(self, result: Result, code: str, cause: str, *, sessions: int = 0) -> None:
        """The frontend got the code, the log the cause, the browser and the database nothing."""
        location = result.headers.get("location")
        failures = [record for record in self._caplog.records if record.message == "Sign-in failed"]
        assert (result.status_code, location) == (303, f"{WEBAPP}/auth/login?error={code}"), self.causes()
        assert not [name for name in result.cookies if name.endswith("session")]
        assert self._connection.execute("SELECT count(*) FROM sessions").fetchone() == (sessions,)
        assert vars(failures[-1])["code"] == code
        assert cause in vars(failures[-1])["cause"]

    def causes(self) -> list[str]:
        """The cause of every failed sign-in so far."""
        return [
            vars(record)["cause"] for record in self._caplog.records if record.message == "Sign-in failed"
        ]


@pytest.fixture
def refusal(connection: Connection, caplog: pytest.LogCaptureFixture) -> Refusal:
    return Refusal(connection, caplog)


@pytest.fixture(autouse=True)
def _no_failure_of_our_own(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a provider or a browser does, it is not an unhandled error."""
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert not [record for record in records if record.exc_info or record.levelno >= logging.ERROR]
    assert not [record for record in records if vars(record).get("status", 0) >= 500]
