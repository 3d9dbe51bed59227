"""What stands before the service: nothing, the Caddy of ops/, or the nginx of docs/reliability.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.compose_proxy import ComposeProxy
from tests.support.nginx import Nginx
from tests.support.pages import Block, Page
from tests.support.service import Service, free_port

STRAIGHT = "no proxy"


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands before the service.

    Attributes:
        name: what `front` calls it.
        block: where the documentation shows its settings; None for the ones of ops/.
    """

    name: str
    block: Block | None = None

    def __str__(self) -> str:
        return self.name


NGINX = Page("reliability.md").blocks("nginx")[0]
PROXIES = (Proxy("Caddy"), Proxy("nginx", NGINX))
PATIENCE = 2.0
"""Seconds in which a service with a free thread answers."""


@contextmanager
def front(name: str, service: Service, folder: Path) -> Iterator[int]:
    """The port that leads to the service."""
    if name == STRAIGHT:
        yield service.port
        return
    home = folder / name
    home.mkdir()
    with ComposeProxy([service.port], folder=home) if name == "Caddy" else _nginx(service, home) as proxy:
        yield proxy.port


def is_answered(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def _nginx(service: Service, folder: Path) -> Nginx:
    port = free_port()
    block = NGINX.text
    for shown, value in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "backend:3000": f"127.0.0.1:{service.port}",
    }.items():
        assert shown in block
        block = block.replace(shown, value)
    # Certificates and the name are the operator's.
    lines = [line for line in block.splitlines() if not line.strip().startswith(("ssl_", "server_name"))]
    return Nginx("\n".join(lines), port=port, folder=folder)
