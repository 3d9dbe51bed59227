"""The proxy of `bin/dev --forward-auth`, the application behind it, and the hosts of both."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from app.settings.environment import data_folder
from dev.parts import Part, Parts
from dev.processes import Processes

COOKIE_DOMAIN = "example.localhost"
"""Browsers take `*.localhost` for this machine, and refuse cookies for `localhost` itself."""
CADDY = Path(sys.executable).parent / "caddy"
CADDYFILE = Path(__file__).parent / "Caddyfile"


class ForwardAuthError(Exception):
    """Why there can be no proxy, in a sentence."""


def with_shared_session(settings: Mapping[str, str], parts: Parts) -> dict[str, str]:
    """The settings, and by default the service and its frontend under one domain with the applications.

    Whoever signs in has an account: newcomers who register first do not come back to the page they wanted.

    Raises:
        ForwardAuthError: there is no Caddy.
    """
    if not CADDY.exists():
        raise ForwardAuthError(f"There is no {CADDY}: bin/setup --forward-auth brings it.")
    domain = settings.get("COOKIE_DOMAIN") or COOKIE_DOMAIN
    defaults = {
        "COOKIE_DOMAIN": domain,
        "API_URL": f"http://api.{domain}:{parts.service.port}",
        "WEBAPP_URL": f"http://app.{domain}:{parts.frontend.port}",
        "REGISTRATION": "automatic",
    }
    return defaults | {name: value for name, value in settings.items() if value}


def introduction(settings: Mapping[str, str], proxy: Part) -> list[str]:
    """What `bin/dev` says of the two hosts."""
    domain = settings["COOKIE_DOMAIN"]
    return [
        f"  Protected  http://files.{domain}:{proxy.port}, for everybody who signs in",
        f"             http://books.{domain}:{proxy.port}, for the group finance",
    ]


def start(processes: Processes, settings: Mapping[str, str], proxy: Part, *, service_port: int) -> None:
    """Starts the application, on a port that only the proxy is told, and the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        module = [sys.executable, "-P", "-m", "dev.forward_auth.application"]
        command = [*module, "--fd", str(fd), "--api-url", settings["API_URL"].rstrip("/")]
        processes.start("the protected application", command, settings, keeps=[fd])
        host, port = listener.getsockname()
    # What Caddy keeps stays inside the checkout.
    folder = str(data_folder(settings))
    environ = {
        "PORT": str(service_port),
        "DEV_PROXY_PORT": str(proxy.port),
        "APPLICATION": f"{host}:{port}",
        "XDG_DATA_HOME": folder,
        "XDG_CONFIG_HOME": folder,
    }
    command = [str(CADDY), "run", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    processes.start(proxy.name, command, {**settings, **environ})
