"""What the layers of a request tell one another through the WSGI environ."""

from collections.abc import Mapping
from typing import Any

from app.models import Client
from app.web.client_address import Address

CLIENT_KEY = "connected_backend.client"
"""The client's Address; None when there is none."""
ROUTE_KEY = "connected_backend.route"
"""The template of the route that the path matches; None when it matches none."""

MAX_USER_AGENT_LENGTH = 512


def route_of(environ: Mapping[str, Any]) -> str:
    """The route's template, or `unmatched`: never the path, of which there is no end."""
    return environ.get(ROUTE_KEY) or "unmatched"


def address_of(environ: Mapping[str, Any]) -> Address | None:
    """Where the request came from, through trusted proxies."""
    address: Address | None = environ.get(CLIENT_KEY)
    return address


def client_of(environ: Mapping[str, Any]) -> Client:
    """Where the request came from, as a session remembers it."""
    address = address_of(environ)
    agent: str = environ.get("HTTP_USER_AGENT", "")
    text = agent.encode("latin-1", "replace").decode("utf-8", "replace").replace("\0", "")
    return Client(ip=str(address) if address else None, user_agent=text[:MAX_USER_AGENT_LENGTH] or None)
