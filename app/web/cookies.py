"""The cookies of this service: names, attributes, and how to clear them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import falcon

from app.accounts.credentials import is_token

SESSION = "session"
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


def cookie_values(req: falcon.Request, name: str) -> list[str]:
    """The values of the request's cookies with exactly this name (RFC 6265, section 4.2).

    Falcon trims every kind of blank off a name, browsers only spaces and tabs. With a U+00A0 before the
    name, a sibling host could set a cookie that the browser allows and Falcon takes for a `__Host-` one.
    """
    header: str = req.env.get("HTTP_COOKIE", "")
    if name not in header:
        return []
    # A header may have thousands of other cookies, so those are skipped early.
    pairs = [pair.strip(" \t").partition("=") for pair in header.split(";") if name in pair]
    return [value for found, _, value in pairs if found == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class CookiePolicy:
    """Names, reads and writes cookies (RFC 6265bis).

    Over https every name has the prefix `__Host-`, so that no other host can set the cookie. With
    COOKIE_DOMAIN the session's cookie is shared with sibling hosts and has `__Secure-` instead.
    """

    is_secure: bool
    domain: str | None = None

    def host_name(self, name: str) -> str:
        """The cookie's name, with the prefix `__Host-` over https."""
        return f"__Host-{name}" if self.is_secure else name

    @property
    def session_name(self) -> str:
        return f"__Secure-{SESSION}" if self.domain and self.is_secure else self.host_name(SESSION)

    def host_values(self, req: falcon.Request, names: Iterable[str]) -> dict[str, str]:
        """The values of those cookies of this host that the request has exactly once, by bare name."""
        found = {name: cookie_values(req, self.host_name(name)) for name in names}
        return {name: values[0] for name, values in found.items() if len(values) == 1}

    def set_host(self, resp: falcon.Response, name: str, value: str, *, max_age: int) -> None:
        self._write(resp, self.host_name(name), value, max_age=max_age, domain=None)

    def clear_host(self, resp: falcon.Response, name: str) -> None:
        self._write(resp, self.host_name(name), "", max_age=None, domain=None)

    def set_session(self, resp: falcon.Response, token: str, *, max_age: int) -> None:
        self._write(resp, self.session_name, token, max_age=max_age, domain=self.domain)

    def clear_session(self, resp: falcon.Response) -> None:
        self._write(resp, self.session_name, "", max_age=None, domain=self.domain)

    def session_tokens(self, req: falcon.Request) -> list[str]:
        """The values of the request's session cookies, whether they are tokens or not."""
        return cookie_values(req, self.session_name)

    def session_token(self, req: falcon.Request) -> str | None:
        """The token of the one session cookie; None where there is none, more than one, or no token in it."""
        values = self.session_tokens(req)
        return values[0] if len(values) == 1 and is_token(values[0]) else None

    def is_session_beyond_use(self, req: falcon.Request) -> bool:
        """Whether the session cookies should be cleared, as they can never be valid.

        With COOKIE_DOMAIN a sibling host may have added a second cookie under a longer path. Clearing
        reaches only the first one and would leave the browser with the other host's, so two cookies are then
        left alone.
        """
        values = self.session_tokens(req)
        return not is_token(values[0]) if len(values) == 1 else bool(values) and self.domain is None

    def _write(
        self, resp: falcon.Response, name: str, value: str, *, max_age: int | None, domain: str | None
    ) -> None:
        # Falcon's unset_cookie writes no Secure, and without it browsers ignore cookies with a prefix.
        resp.set_cookie(
            name,
            value,
            max_age=max_age,
            expires=LONG_AGO if max_age is None else None,
            secure=self.is_secure,
            http_only=True,
            same_site="Lax",
            path="/",
            domain=domain,
        )
