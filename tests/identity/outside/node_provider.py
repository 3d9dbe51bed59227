"""Providers from npm, each a process of its own, with the versions of node/package-lock.json."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.support.outside_server import OutsideServer
from tests.support.service import free_port

HERE = Path(__file__).parent / "node"


def install(folder: Path) -> Path:
    """Copies our scripts into the folder and installs what they import; returns it."""
    for name in ("package.json", "package-lock.json", "oidc_provider.js", "oauth2_mock_server.js"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@contextmanager
def running(script: str, folder: Path, **settings: object) -> Iterator[str]:
    """Runs one of the scripts; gives its issuer.

    Args:
        script: its name.
        folder: where `install` put it.
        settings: what the script's first lines describe, beside `port`.
    """
    port = free_port()
    command = ["node", str(folder / script), json.dumps({"port": port, **settings})]
    with OutsideServer(command, port=port, folder=Path(mkdtemp(dir=folder))):
        yield f"http://localhost:{port}"
