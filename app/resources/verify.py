from urllib.parse import quote, urlencode

import falcon

from app.errors import InvalidReturnToError, NotSignedInError
from app.identity.return_to import checked_return_to
from app.models import User
from app.web.authentication import Authentication
from app.web.methods import HeadMixin
from app.web.paths import IDENTITY_HEADERS

_PRINTABLE_ASCII = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class VerifyResource(HeadMixin):
    """`/auth/verify`: tells a proxy whether to let a request through, and whose it is.

    For Traefik's ForwardAuth, Caddy's forward_auth and nginx's auth_request, which pass on what they got.
    """

    def __init__(
        self,
        authentication: Authentication,
        *,
        api_url: str,
        cookie_domain: str | None,
    ) -> None:
        self._authentication = authentication
        self._login_url = f"{api_url}/auth/login"
        self._cookie_domain = cookie_domain

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            # Clears no cookie: of two, that would leave the one that another host has planted.
            _, user = self._authentication.get_user(req, None)
        except NotSignedInError:
            if not _wants_page(req):
                raise
            resp.set_header("Location", self._login_location(req))
            # nginx's auth_request can pass no 302 on, but make one of a 401 that says where to.
            if req.get_param("redirect") == "401":
                raise
            resp.status = 302
        else:
            resp.set_headers(_identity_headers(user))

    def _login_location(self, req: falcon.Request) -> str:
        """The login that leads back to the page asked for, if that is one under COOKIE_DOMAIN."""
        page = (
            f"{req.get_header('X-Forwarded-Proto', default='')}://"
            f"{req.get_header('X-Forwarded-Host', default='')}"
            f"{req.get_header('X-Forwarded-Uri', default='')}"
        )
        try:
            if self._cookie_domain and page.startswith("https://"):
                return_to = checked_return_to(page, cookie_domain=self._cookie_domain)
                return f"{self._login_url}?{urlencode({'return_to': return_to})}"
        except InvalidReturnToError:
            pass
        return self._login_url


def _identity_headers(user: User) -> dict[str, str]:
    values = (str(user.id), user.email, user.name or "")
    # A percent sign is encoded, too, so that decoding always gives back what was there.
    return {
        name: quote(value, safe=_PRINTABLE_ASCII)
        for name, value in zip(IDENTITY_HEADERS, values, strict=True)
    }


def _wants_page(req: falcon.Request) -> bool:
    """Whether the proxy asks for a redirect, and a browser shows the answer as a page (Fetch Metadata)."""
    method = req.get_header("X-Forwarded-Method", default="GET")
    if req.get_param("redirect") not in {"1", "401"} or method not in {"GET", "HEAD"}:
        return False
    mode = req.get_header("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in req.get_header("Accept", default="")
