"""Security headers for a JSON API (OWASP ASVS 5.0, V3.4), and the identity headers of /auth/verify."""

import falcon

from app.web.environ import ROUTE_KEY
from app.web.media import IDENTITY_HEADERS
from app.web.paths import VERIFY

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""ObservationMiddleware puts them on each answer that has not set them."""
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"
"""Two years."""


def security_headers(*, hsts: bool) -> dict[str, str]:
    """The headers by name; HSTS only where API_URL must be https."""
    return HEADERS | ({"strict-transport-security": STRICT_TRANSPORT_SECURITY} if hsts else {})


class IdentityHeadersMiddleware:
    """Gives each answer of /auth/verify all identity headers, empty where the resource has set none."""

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        if req.env.get(ROUTE_KEY) == VERIFY:
            for name in IDENTITY_HEADERS:
                if resp.get_header(name) is None:
                    resp.set_header(name, "")
