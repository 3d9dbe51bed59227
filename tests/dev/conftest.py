"""`bin/dev` for tests, with a data folder and ports of its own."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.service import Process, free_port
from tests.support.waiting import until


class Development(Process):
    """`bin/dev` with a data folder and ports of its own."""

    def __init__(
        self, data: Path, program: str = "bin/dev", arguments: Sequence[str] = (), **environ: str
    ) -> None:
        self.port, self.frontend_port, self.provider_port = free_port(), free_port(), free_port()
        self.second_provider_port, self.second_api_port, self.proxy_port = (
            free_port(),
            free_port(),
            free_port(),
        )
        ports = {
            "PORT": str(self.port),
            "DEV_FRONTEND_PORT": str(self.frontend_port),
            "DEV_PROVIDER_PORT": str(self.provider_port),
            "DEV_SECOND_PROVIDER_PORT": str(self.second_provider_port),
            "DEV_SECOND_API_PORT": str(self.second_api_port),
            "DEV_PROXY_PORT": str(self.proxy_port),
        }
        self.data = data
        self.url = f"http://localhost:{self.port}"
        self.family: list[psutil.Process] = []
        super().__init__(program, *arguments, environ={"DEV_DATA_DIR": str(data), **ports, **environ})

    @property
    def ports(self) -> list[int]:
        providers = [self.provider_port, self.second_provider_port]
        return [self.port, self.frontend_port, *providers, self.second_api_port, self.proxy_port]

    def wait_until_serving(self) -> None:
        """Returns when all parts listen; remembers every process below bin/dev."""

        def serves() -> bool:
            if not self.is_running:
                raise AssertionError(f"bin/dev ended:\n{self.output}")
            return "Ctrl-C stops all of it." in self.output

        until(serves, seconds=60, what="bin/dev")
        self.family = psutil.Process(self.pid).children(recursive=True)

    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return not self.is_running and not any(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in self.family
        )

    def kill(self) -> None:
        if self.is_running:
            self.family += psutil.Process(self.pid).children(recursive=True)
        for process in self.family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        super().kill()


Develop = Callable[..., Development]


@pytest.fixture
def develop(tmp_path: Path) -> Iterator[Develop]:
    """Starts `bin/dev` over the test's own data folder; options are those of Development."""
    with ExitStack() as stack:

        def start(**options: Any) -> Development:
            development = Development(tmp_path / "data", **options)
            stack.callback(development.kill)
            return development

        yield start


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
