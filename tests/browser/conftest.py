"""Runs the real `bin/dev` and a real chromium once for the tests of this folder.

They end with it: a process can run one Playwright at a time, and other folders have their own.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from app.settings.environment import embedded_database_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

REFUSAL = "the server responded with a status of 4"
ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # a container's root has no other way
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Stack:
    """Where `bin/dev` serves what."""

    api_url: str
    frontend_url: str
    second_api_url: str
    database_url: str


class Visitor(Protocol):
    def __call__(
        self, *, width: int = 1100, height: int = 800, dark: bool = False, refused: bool = False
    ) -> "Page": ...


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("bin-dev")
    data = folder / "data"
    api_port, frontend_port, provider_port, second_provider_port, second_api_port = _free_ports(5)
    running = Stack(
        f"http://localhost:{api_port}",
        f"http://localhost:{frontend_port}",
        f"http://localhost:{second_api_port}",
        embedded_database_url({"DEV_DATA_DIR": str(data)}),
    )
    environ = {
        # Nothing else is passed on: a DATABASE_URL of whoever runs the tests is not to be touched.
        **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
        "PORT": str(api_port),
        "DEV_FRONTEND_PORT": str(frontend_port),
        "DEV_PROVIDER_PORT": str(provider_port),
        "DEV_SECOND_PROVIDER_PORT": str(second_provider_port),
        "DEV_SECOND_API_PORT": str(second_api_port),
        "DEV_DATA_DIR": str(data),
    }
    output = folder / "output.txt"
    with output.open("w") as sink:
        # A session of its own, so that Ctrl-C reaches all of it and nothing else.
        process = subprocess.Popen(
            [ROOT / "bin" / "dev"], env=environ, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until(lambda: "Ctrl-C stops all of it." in output.read_text(), process, output)
        _wait_until(lambda: _answers(running.frontend_url), process, output)
        yield running
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) in {0, 130}, output.read_text()
        left = _processes_of(data)
        _, alive = psutil.wait_procs(left, timeout=5)
        assert not alive, alive
    finally:
        for survivor in _processes_of(data):
            survivor.kill()


@pytest.fixture(scope="package")
def browser() -> Iterator["Browser"]:
    # Imported here, as `bin/test` collects this file without playwright; `bin/setup --browser` installs it.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visitor(browser: "Browser") -> Iterator[Visitor]:
    """Opens a page in a browser profile of its own; a console error anywhere fails the test.

    Where it is `refused`, answers of 4xx are none.
    """
    complaints: list[str] = []
    contexts = []

    def note(message: "ConsoleMessage", *, refused: bool) -> None:
        if message.type in {"error", "warning"} and not (refused and REFUSAL in message.text):
            complaints.append(f"{message.text} ({message.location})")

    def open_page(
        *, width: int = 1100, height: int = 800, dark: bool = False, refused: bool = False
    ) -> "Page":
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.on("console", partial(note, refused=refused))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _free_ports(count: int) -> list[int]:
    # All are held until all are known, so that none is given twice.
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, f"bin/dev ended early:\n{output.read_text()}"
        assert time.monotonic() < deadline, f"bin/dev is not up after 240 s:\n{output.read_text()}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except URLError:
        return False


def _processes_of(data: Path) -> list[psutil.Process]:
    """Return what bin/dev started, wherever in the process tree it is now: by environment or command line."""
    found = []
    for process in psutil.process_iter():
        try:
            mentions = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(data) in mention for mention in mentions):
            found.append(process)
    return found
