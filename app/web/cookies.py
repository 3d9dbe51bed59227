"""The cookies of the service: their names, attributes, and how they are cleared."""

from dataclasses import dataclass
from datetime import UTC, datetime

import falcon

from app.accounts.credentials import is_token

SESSION = "session"
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


def cookie_values(req: falcon.Request, name: str) -> list[str]:
    """The values of the request's cookies with exactly this name (RFC 6265, section 4.2).

    Falcon trims every kind of blank off a name, browsers only spaces and tabs: behind a U+00A0 a sibling
    host could plant a `__Host-` cookie that browsers take for one of another name.
    """
    pairs = [pair.strip(" \t").partition("=") for pair in (req.get_header("Cookie") or "").split(";")]
    return [value for found, _, value in pairs if found == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class CookiePolicy:
    """How cookies are written here (RFC 6265bis).

    Over https every name has the `__Host-` prefix, which ties the cookie to this very host. With
    COOKIE_DOMAIN the session's has `__Secure-` instead, as it is shared with sibling hosts.
    """

    is_secure: bool
    domain: str | None = None

    def host_name(self, name: str) -> str:
        """A name that no sibling host can write, where https allows that."""
        return f"__Host-{name}" if self.is_secure else name

    @property
    def session_name(self) -> str:
        return f"__Secure-{SESSION}" if self.domain and self.is_secure else self.host_name(SESSION)

    def set_host(self, resp: falcon.Response, name: str, value: str, *, max_age: int) -> None:
        self._write(resp, self.host_name(name), value, max_age=max_age, domain=None)

    def clear_host(self, resp: falcon.Response, name: str) -> None:
        self._write(resp, self.host_name(name), "", max_age=None, domain=None)

    def set_session(self, resp: falcon.Response, token: str, *, max_age: int) -> None:
        self._write(resp, self.session_name, token, max_age=max_age, domain=self.domain)

    def clear_session(self, resp: falcon.Response) -> None:
        self._write(resp, self.session_name, "", max_age=None, domain=self.domain)

    def session_tokens(self, req: falcon.Request) -> list[str]:
        """What the request's session cookies hold, tokens or not."""
        return cookie_values(req, self.session_name)

    def session_token(self, req: falcon.Request) -> str | None:
        """The token of the request's session cookie; None when there is none, several or no token in it."""
        values = self.session_tokens(req)
        return values[0] if len(values) == 1 and is_token(values[0]) else None

    def is_session_beyond_use(self, req: falcon.Request) -> bool:
        """Whether the request's session cookies can be cleared, as none of them can ever count.

        Of several, a sibling host may have planted one under a path where COOKIE_DOMAIN lets it: to clear the
        others would leave the browser with just that.
        """
        values = self.session_tokens(req)
        return not is_token(values[0]) if len(values) == 1 else bool(values) and self.domain is None

    def _write(
        self, resp: falcon.Response, name: str, value: str, *, max_age: int | None, domain: str | None
    ) -> None:
        # Falcon's unset_cookie writes no Secure, without which browsers ignore the prefixed names.
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
