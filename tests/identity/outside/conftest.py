"""Providers that no one here wrote, and somebody who signs in there."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.identity.outside import node_provider
from tests.identity.outside.pages import PersonAtProvider
from tests.support.outside_server import OutsideServer
from tests.support.service import free_port

GRACE = {"sub": "grace@example.com", "email": "grace@example.com", "email_verified": True, "name": "Grace"}


@pytest.fixture(scope="package")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node_provider.install(tmp_path_factory.mktemp("npm"))


@pytest.fixture
def person() -> Iterator[PersonAtProvider]:
    person = PersonAtProvider()
    yield person
    person.close()


@pytest.fixture(scope="package")
def python_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of PyPI's oidc-provider-mock, which knows Grace."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-nonce", "--user-claims", json.dumps(GRACE)]
    with OutsideServer(command, port=port, folder=tmp_path_factory.mktemp("mock")):
        yield f"http://localhost:{port}"
