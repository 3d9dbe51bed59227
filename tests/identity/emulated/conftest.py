"""GitHub and Microsoft under their own names."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.identity.emulated.github import GitHub
from tests.identity.emulated.microsoft import Microsoft
from tests.support.tls import CertificateAuthority


@pytest.fixture
def _believed(authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service believes the tests' authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))


@pytest.fixture
def github(authority: CertificateAuthority, _believed: None) -> Iterator[GitHub]:
    site = GitHub(authority)
    with site.serving():
        yield site


@pytest.fixture
def make_microsoft(authority: CertificateAuthority, _believed: None) -> Iterator[Callable[[str], Microsoft]]:
    """The platform as it is under one tenant's path."""
    with ExitStack() as stack:

        def make(tenant: str) -> Microsoft:
            site = Microsoft(authority, tenant)
            stack.enter_context(site.serving())
            return site

        yield make


@pytest.fixture
def microsoft(make_microsoft: Callable[[str], Microsoft]) -> Microsoft:
    return make_microsoft("common")
