"""The bearer token of a request (RFC 6750, section 2.1)."""

import falcon


def bearer_token(req: falcon.Request) -> str | None:
    """What follows `Bearer` in Authorization; None when the request has no such header."""
    scheme, _, token = req.env.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
