from urllib.parse import urlencode

import falcon

from app.errors import InvalidReturnToError, NotSignedInError
from app.identity.return_to import checked_return_to
from app.web.authentication import Authentication
from app.web.media import identity_headers
from app.web.paths import LOGIN, HeadMixin


class VerifyResource(HeadMixin):
    """`/auth/verify`: tells a proxy whether to let a request through, and who sent it.

    For Traefik's ForwardAuth, Caddy's forward_auth and nginx's auth_request.
    """

    def __init__(
        self,
        authentication: Authentication,
        *,
        api_url: str,
        cookie_domain: str | None,
    ) -> None:
        self._authentication = authentication
        self._login_url = f"{api_url}{LOGIN}"
        self._cookie_domain = cookie_domain

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            # None: no cookie is cleared. Of two cookies that would leave the one that another host has set.
            _, user = self._authentication.get_user(req, None)
        except NotSignedInError:
            if not _wants_page(req):
                raise
            resp.set_header("Location", self._login_location(req))
            # nginx's auth_request cannot pass a 302 on, but can make one from a 401 with a Location.
            if req.get_param("redirect") == "401":
                raise
            resp.status = 302
        else:
            resp.set_headers(identity_headers(user))

    def _login_location(self, req: falcon.Request) -> str:
        """The URL of the login; it leads back to the requested page, if that is under COOKIE_DOMAIN."""
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


def _wants_page(req: falcon.Request) -> bool:
    """Whether the proxy wants a redirect, and a browser will show the answer as a page (Fetch Metadata)."""
    method = req.get_header("X-Forwarded-Method", default="GET")
    if req.get_param("redirect") not in {"1", "401"} or method not in {"GET", "HEAD"}:
        return False
    mode = req.get_header("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in req.get_header("Accept", default="")
