"""Parsers: the text of one environment variable → its value.

Each raises ParseError with a sentence that follows the variable's name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from app.settings.domains import a_label, canonical_email, is_under

MINIMUM_SECRET_LENGTH = 32
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
REDIS_URL_SHAPE = "must be like redis://:password@host:6379/0, with %2F for / and %3F for ? in it"
MAX_RATE_SECONDS = 366 * SECONDS["day"]
_RATE = re.compile(r"([1-9][0-9]{0,8})\s*/\s*([1-9][0-9]{0,5})?\s*(second|minute|hour|day)s?")


class ParseError(ValueError):
    """The text is not usable; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` requests in `seconds` seconds; all of them may come at once."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `200/minute` or `10/15minutes`."""
        if not (match := _RATE.fullmatch(text.lower())):
            raise ParseError("must look like 200/minute or 10/15minutes")
        seconds = int(match[2] or 1) * SECONDS[match[3]]
        if seconds > MAX_RATE_SECONDS:
            raise ParseError("must look no further than a year")
        return cls(int(match[1]), seconds)


def host(value: str) -> str:
    """An address or host name to listen on; brackets around an IPv6 address are dropped."""
    name = value.removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(name))
    except ValueError:
        if not _HOST_NAME.fullmatch(name.lower()):
            raise ParseError("must be an address such as 0.0.0.0 or :: to listen on") from None
        return name


def text(value: str) -> str:
    """Any text without control characters."""
    if not value.isprintable():
        raise ParseError("must not contain control characters")
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ParseError(f"must be one of {', '.join(choices)}")
        return value

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str | int) -> int:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}", value):
            raise ParseError("must be a whole number")
        if not low <= int(value) <= high:
            raise ParseError(f"must be from {low} to {high}")
        return int(value)

    return parse


def boolean(value: str) -> bool:
    if value.lower() not in {"true", "1", "yes", "on", "false", "0", "no", "off"}:
        raise ParseError("must be true or false")
    return value.lower() in {"true", "1", "yes", "on"}


def session_secret(value: str) -> str:
    if len(value) < MINIMUM_SECRET_LENGTH:
        raise ParseError(f"Session secret must be at least {MINIMUM_SECRET_LENGTH} characters")
    return text(value)


def url(*, https_only: bool) -> Callable[[str], str]:
    """An http(s) URL, without trailing slash, query, fragment or credentials."""

    def parse(value: str) -> str:
        parts = _split(value)
        if https_only and parts.scheme != "https":
            raise ParseError("must begin with https:// in staging and production")
        if parts.query or parts.fragment:
            raise ParseError("must be a URL without ? and #")
        return origin_of(value) + parts.path.rstrip("/")

    return parse


def sentry_dsn(value: str) -> str:
    """Sentry's http(s) URL: a public key as its user name, a project number at its end."""
    try:
        parts = urlsplit(value)
        names_all = parts.hostname and parts.username and parts.port != 0
        usable = parts.scheme in _DEFAULT_PORTS and names_all and parts.path.rpartition("/")[2].isdecimal()
    except ValueError:
        usable = False
    if not usable:
        raise ParseError("must look like https://key@sentry.example.com/1, as Sentry shows it")
    return value


def database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ParseError("must begin with postgresql://")
    return value


def database_host(value: str) -> str:
    """A host or several, as libpq takes them; one that begins with / is a socket's folder."""
    for name in text(value).split(","):
        if not name.startswith("/") and re.search(r"[\s/@?#\[]|^[^:]*:[^:]*$", name):
            raise ParseError("must be a name, an address, or a socket's folder; the port goes into DB_PORT")
    return value


def redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ParseError("must begin with redis://, rediss:// or unix://")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        # The fault itself may quote the password.
        raise ParseError(REDIS_URL_SHAPE) from None
    # Importing redis costs a start 0.1 s; only those who set REDIS_URL pay.
    from app.settings.redis_url import faulty_options  # noqa: PLC0415

    if names := ", ".join(faulty_options(value)):
        # With an @ in the query, a password holds an unescaped ? and these names are pieces of it.
        if "@" in parts.query:
            raise ParseError(REDIS_URL_SHAPE)
        fault = "has an option that redis-py does not know, or whose value it does not take"
        raise ParseError(f"{fault}: {names}")
    return value


def compose_database_url(*, host: str, port: int, user: str, password: str, name: str, sslmode: str) -> str:
    """The libpq URL for the DB_* variables; a host that begins with / is a socket's folder."""
    account = f"{quote(user, safe='')}:{quote(password, safe='')}"
    address = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"postgresql://{account}@{address}:{port}/{quote(name, safe='')}?sslmode={sslmode}"


def server_of(database_url: str) -> tuple[str, ...]:
    """The server that a libpq URL names: host, port and socket folder, without the account."""
    # urlsplit refuses brackets in a password; libpq accepts them.
    authority, _, query = database_url.partition("://")[2].partition("?")
    host = authority.partition("/")[0].rpartition("@")[2].removesuffix(":5432")
    settings = parse_qs(query)
    return (host, *settings.get("host", []), *settings.get("port", []))


def origin_of(value: str) -> str:
    """Scheme, host and, where it is not the scheme's own, port (RFC 6454)."""
    parts = _split(value)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def api_url(*, https_only: bool) -> Callable[[str], str]:
    """A URL as above without a path: tokens name it as their issuer, and `/.well-known/` is at its root."""
    parse_url = url(https_only=https_only)

    def parse(value: str) -> str:
        parsed = parse_url(value)
        if parsed != origin_of(value):
            raise ParseError("must have no path, such as https://api.example.com")
        return parsed

    return parse


def audiences(value: str) -> tuple[str, ...]:
    """Comma-separated names of services, in their order; one with a colon must be a URI (RFC 7519)."""
    items = _items(value)
    for item in items:
        if not re.fullmatch(r"[!-~]{1,200}", item) or (":" in item and not urlsplit(item).scheme):
            raise ParseError(f"{item!r} is not an audience such as https://api.example.com or reports")
    return tuple(dict.fromkeys(items))


def origins(value: str) -> frozenset[str]:
    """Comma-separated exact origins; `*`, `null` and paths are refused."""
    return frozenset(_origin(item) for item in _items(value))


def emails(value: str) -> frozenset[str]:
    """Comma-separated e-mail addresses, in lower case."""
    return frozenset(_email(item) for item in _items(value))


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value) or not value.isprintable():
        raise ParseError(f"{value!r} is not an e-mail address")
    return canonical_email(value.lower())


def domains(value: str) -> frozenset[str]:
    """Comma-separated e-mail domains as A-labels; `*.` before one stands for all below it."""
    return frozenset(_email_domain(item.removeprefix("@")) for item in _items(value))


def _email_domain(value: str) -> str:
    if value.startswith("."):
        raise ParseError(f"{value!r}: write *{value} for the domains below it, and {value[1:]} for itself")
    prefix, name = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    return prefix + domain(a_label(name.lower()))


def domain(value: str) -> str:
    name = value.lower().removeprefix(".")
    if not _HOST_NAME.fullmatch(name):
        raise ParseError(f"{value!r} is not a domain name")
    return name


def networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Comma-separated addresses and networks such as 10.0.0.0/8."""
    items = _items(value)
    try:
        return tuple(ip_network(item) for item in items)
    except ValueError as error:
        raise ParseError(f"must be addresses or networks such as 10.0.0.0/8: {error}") from error


def _origin(value: str) -> str:
    if value in {"*", "null"}:
        raise ParseError(f"{value!r} would let any site act for a signed-in person; list exact origins")
    parts = _split(value)
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise ParseError(f"{value!r} must be an origin such as https://app.example.com, without a path")
    return origin_of(value)


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not value.isascii() or not value.isprintable() or set(value) & set(" \\*"):
        raise ParseError(f"{value!r} is not a URL such as https://app.example.com (in ASCII)")
    if parts.username is not None:
        raise ParseError("must not contain a user name or password")
    return parts


def _items(value: str) -> list[str]:
    items = [item.strip() for item in value.split(",") if item.strip()]
    if value and not items:
        # A list without items would mean "no restriction" for some variables.
        raise ParseError("names nothing; leave the variable empty if that is meant")
    return items


def log_level(value: str) -> str:
    return one_of("debug", "info", "warning", "error", "critical")(value.lower())


def cookie_domain(value: str, *, api_url: str | None) -> str:
    """A domain of at least two labels; the API's host must be under it."""
    name = domain(value)
    api_host = urlsplit(api_url or "").hostname or name
    is_domain = "." in name and not name.rpartition(".")[2].isdigit()
    if not is_domain or not is_under(api_host, name):
        raise ParseError(f"must be a domain that the host of API_URL ({api_host}) lies under")
    return name
