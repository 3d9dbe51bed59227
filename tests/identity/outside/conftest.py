"""Providers that no one here wrote, and somebody who signs in there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.identity.outside import node_provider
from tests.identity.outside.pages import PersonAtProvider


@pytest.fixture(scope="package")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node_provider.install(tmp_path_factory.mktemp("npm"))


@pytest.fixture
def person() -> Iterator[PersonAtProvider]:
    person = PersonAtProvider()
    yield person
    person.close()
