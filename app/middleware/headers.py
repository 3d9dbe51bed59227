"""Security headers for a JSON API (OWASP ASVS 5.0, V3.4), and the identity headers of /auth/verify."""

import falcon

from app.web.environ import ROUTE_KEY
from app.web.media import IDENTITY_HEADERS
from app.web.paths import VERIFY

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""ObservationMiddleware puts them on each answer that has not set them."""
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"
"""Two years."""


def security_headers(*, hsts: bool) -> dict[str, str]:
    """The headers by name; HSTS only where API_URL must be https."""
    return HEADERS | ({"Strict-Transport-Security": STRICT_TRANSPORT_SECURITY} if hsts else {})


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
