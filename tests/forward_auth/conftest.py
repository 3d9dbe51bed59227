"""Real proxies with the configuration of docs/forward-auth.md, before a real service in production mode."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.forward_auth.page import DOMAIN
from tests.forward_auth.sites import PROXIES, RULE, SETTINGS, Site, client_of
from tests.forward_auth.upstream import upstream
from tests.support.databases import fresh_database
from tests.support.provider import OpenIDProvider, client_at
from tests.support.service import Service
from tests.support.tls import CertificateAuthority


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="package")
def certificate(authority: CertificateAuthority) -> Path:
    return authority.issue(f"*.{DOMAIN}")


@pytest.fixture(scope="package")
def https_provider(authority: CertificateAuthority) -> Iterator[OpenIDProvider]:
    provider = OpenIDProvider(authority.server_context("localhost"))
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="package")
def serve_site(
    authority: CertificateAuthority,
    certificate: Path,
    https_provider: OpenIDProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Site]]:
    """Starts a proxy, by name, before a service; `rule` is that of BOOKS, the rest environment variables."""
    with ExitStack() as stack:
        application = stack.enter_context(upstream())

        def make(proxy: str, *, database_url: str, rule: str = RULE, **environ: str) -> Site:
            settings: dict[str, Any] = {
                **client_at(https_provider.issuer),
                "REQUESTS_CA_BUNDLE": str(authority.path),
                **SETTINGS,
                **environ,
            }
            service = Service(database_url=database_url, **settings)
            stack.callback(service.kill)
            folder = tmp_path_factory.mktemp(proxy)
            ports = {"service": service.port, "application": application}
            server = PROXIES[proxy].start(certificate, folder, rule=rule, **ports)
            stack.enter_context(server)
            service.wait_until_serving()
            return Site(client_of(server, authority), service, database_url, server.port, application)

        yield make


@pytest.fixture(scope="package", params=PROXIES.items(), ids=list(PROXIES))
def site(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, serve_site: Callable[..., Site]
) -> Iterator[Site]:
    """files.example.test behind a proxy that asks the service; one for all the tests of that proxy."""
    with fresh_database(postgres, template=TEMPLATE) as url:
        yield serve_site(request.param[0], database_url=url)
