from pathlib import Path

import pytest

from tests.client.packages import installed


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of client/ with its packages from npm."""
    return installed(tmp_path_factory.mktemp("npm"))
