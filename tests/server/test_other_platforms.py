"""What macOS lacks is taken away: limiter, metrics and worker then pass their tests, and the service serves.

Nobody has run this on a Mac: only these names are shown to be dispensable.
"""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.bare import make_bare_root
from tests.support.service import ROOT, Service, clean_environ
from tests.support.waiting import until

TAKEN_AWAY = """\
import fcntl, os, pathlib, select
del os.memfd_create, os.posix_fallocate, select.epoll, fcntl.F_OFD_SETLKW, fcntl.F_OFD_SETLK
is_dir = pathlib.Path.is_dir
pathlib.Path.is_dir = lambda path, **options: str(path) != "/dev/shm" and is_dir(path, **options)
"""
TESTS = [
    "tests/rate_limit/test_exactness.py",
    "tests/rate_limit/test_memory_store.py",
    "tests/rate_limit/test_shared_memory.py",
    "tests/server/test_crowded_worker.py",
    "tests/server/test_slow_clients.py",
    "tests/server/test_stopping.py",
    "tests/telemetry/test_metrics_folder.py",
    "tests/telemetry/test_metrics_slots.py",
    "tests/telemetry/test_metrics_workers.py",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose Python lacks those names."""
    root = make_bare_root(tmp_path / "other", without=())
    for name in ("tests", "dev", "docs", "ops"):
        (root / name).symlink_to(ROOT / name)
    [packages] = (root / ".venv" / "lib").glob("*/site-packages")
    # Debian's Python has a sitecustomize of its own.
    (packages / "taken_away.py").write_text(TAKEN_AWAY)
    (packages / "taken_away.pth").write_text("import taken_away\n")
    return root


@pytest.fixture
def service(root: Path, database_url: str) -> Iterator[Service]:
    service = Service(database_url=database_url, command=[str(root / "bin" / "start")], RATE_LIMIT="3/hour")
    yield service
    service.kill()


@pytest.mark.full
def test_limiter_metrics_and_worker_pass_their_tests(root: Path, tmp_path: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/inner"]
    done = subprocess.run(
        [str(root / "bin" / "python"), "-m", "pytest", *options, *TESTS],
        cwd=root,
        # Redis comes from the venv of these tests.
        env=clean_environ({"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_service_serves_and_keeps_one_limit_over_its_workers(service: Service) -> None:
    service.wait_until_serving()
    outside = {"X-Forwarded-For": "203.0.113.7"}
    statuses = [
        requests.get(f"{service.url}/auth/session", headers=outside, timeout=10).status_code for _ in range(5)
    ]
    assert statuses == [200, 200, 200, 429, 429]
    until(
        lambda: "worker_processes 2.0" in requests.get(f"{service.url}/metrics", timeout=10).text,
        seconds=10,
        what="the second worker",
    )
