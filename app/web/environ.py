"""What the layers of a request hand on to one another."""

from collections.abc import Mapping
from typing import Any

from app.models import Client
from app.web.client_address import ClientAddress

CLIENT_KEY = "connected_backend.client"
"""The ClientAddress, or None where the peer has none."""
ROUTE_KEY = "connected_backend.route"
"""The template of the route that the path matches, or None where it matches none."""
PROBLEM_KEY = "connected_backend.problem"
"""The code of the refusal that is the answer, a problem or a page; no such key where it is none."""
UNMATCHED = "unmatched"

MAX_USER_AGENT_LENGTH = 512


def route_of(environ: Mapping[str, Any]) -> str:
    """The route's template or `unmatched`. Never the path: clients can invent any number of those."""
    return environ.get(ROUTE_KEY) or UNMATCHED


def client_address(environ: Mapping[str, Any]) -> ClientAddress | None:
    """The client's address as ObservationMiddleware found it, through trusted proxies."""
    found: ClientAddress | None = environ.get(CLIENT_KEY)
    return found


def keys_of_client(environ: Mapping[str, Any]) -> tuple[bytes, ...]:
    """What the limiter knows the client by. All clients without an address are one."""
    found = client_address(environ)
    return found.keys if found else (b"",)


def client_of(environ: Mapping[str, Any]) -> Client:
    """The client as its session's row describes it."""
    found = client_address(environ)
    # A character has at most four bytes.
    agent: str = environ.get("HTTP_USER_AGENT", "")[: 4 * MAX_USER_AGENT_LENGTH]
    text = agent.encode("latin-1", "replace").decode("utf-8", "replace").replace("\0", "")
    return Client(ip=found.text if found else None, user_agent=text[:MAX_USER_AGENT_LENGTH] or None)
