"""Mozilla's HTTP Observatory, run here against the service behind a real Caddy."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.caddy import Caddy
from tests.support.service import Service
from tests.support.tls import CertificateAuthority

pytestmark = pytest.mark.full

PACKAGE = "@mdn/mdn-http-observatory"
VERSION = "1.4.8"
LEAST_SCORE = 130


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, without what its installation would fetch from elsewhere."""
    folder = tmp_path_factory.mktemp("observatory")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run([*command, f"{PACKAGE}@{VERSION}"], check=True, capture_output=True, timeout=300)
    package = folder / "node_modules" / PACKAGE
    # The browsers' list of hosts that never speak http; a test's host is not in it.
    (package / "conf" / "hsts-preload.json").write_text("{}")
    return package


def test_the_observatory_gives_the_best_grade(
    make_service: Callable[..., Service], observatory: Path, tmp_path: Path
) -> None:
    service = make_service()
    service.wait_until_serving()
    authority = CertificateAuthority(tmp_path)
    site = f"localhost {{\nreverse_proxy 127.0.0.1:{service.port}\n}}"
    with Caddy(site, certificates=[authority.issue("localhost")], folder=tmp_path) as caddy:
        scanned = subprocess.run(
            ["node", str(observatory / "src" / "scan.js"), f"localhost:{caddy.port}"],
            env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(authority.path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert scanned.returncode == 0, scanned.stderr
    result = json.loads(scanned.stdout)
    failed = [name for name, test in result["tests"].items() if not test["pass"]]
    assert (result["scan"]["grade"], failed) == ("A+", []), result["tests"]
    assert result["scan"]["score"] >= LEAST_SCORE
