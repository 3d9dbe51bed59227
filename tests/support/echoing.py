"""A gunicorn that serves the echo application."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.support.service import ROOT, free_port
from tests.support.waiting import until


@contextmanager
def echoing(**environ: str) -> Iterator[int]:
    """Its port. The arguments are tests/support/echo.py's variables."""
    port = free_port()
    module = (sys.executable, "-P", "-m", "gunicorn", "--config", "tests/support/echo.py")
    process = subprocess.Popen(
        [*module, "--bind", f"127.0.0.1:{port}", "tests.support.echo:app"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    try:
        until(lambda: requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok, seconds=30, what="a server")
        yield port
    finally:
        process.terminate()
        process.wait(40)
