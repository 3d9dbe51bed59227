"""The request that a proxy asks /auth/verify about, as its X-Forwarded- headers describe it."""

import re
from dataclasses import dataclass

import falcon

_PAGE_SCHEMES = {"ws": "http", "wss": "https"}
"""Some proxies send these for a websocket, while its Origin has the page's scheme."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_AUTHORITY = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """A client's request.

    Attributes:
        method: GET where the proxy says nothing.
        origin: of its URL, as browsers write it; empty where the proxy describes none.
        target: path and query, as the client sent them.
    """

    method: str
    origin: str
    target: str


def forwarded_request(req: falcon.Request) -> ForwardedRequest:
    """What the proxy says. Anybody who reaches this service without one can say the same."""
    # A proxy behind another one may append its own scheme.
    first = req.get_header("X-Forwarded-Proto", default="").partition(",")[0].strip().lower()
    scheme = _PAGE_SCHEMES.get(first, first)
    authority = req.get_header("X-Forwarded-Host", default="").strip().lower()
    is_usable = scheme in _DEFAULT_PORTS and _AUTHORITY.fullmatch(authority)
    # latin-1 restores the header's bytes (PEP 3333).
    target = req.get_header("X-Forwarded-Uri", default="").encode("latin-1", "replace")
    return ForwardedRequest(
        method=req.get_header("X-Forwarded-Method", default="GET"),
        origin=f"{scheme}://{authority.removesuffix(_DEFAULT_PORTS[scheme])}" if is_usable else "",
        target=target.decode("utf-8", "replace"),
    )


def wants_page(req: falcon.Request, forwarded: ForwardedRequest) -> bool:
    """Whether a browser will show the answer as a page (Fetch Metadata)."""
    if forwarded.method not in {"GET", "HEAD"}:
        return False
    mode = req.get_header("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in req.get_header("Accept", default="")


def is_preflight(req: falcon.Request, forwarded: ForwardedRequest) -> bool:
    """Whether a browser asks if it may send a request (Fetch standard, section 3.2.2)."""
    asks = req.get_header("Origin") and req.get_header("Access-Control-Request-Method")
    return forwarded.method == "OPTIONS" and bool(asks)
