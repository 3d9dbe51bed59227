"""PROVIDERS, and the variables of each provider that it names: N_CLIENT_ID, N_ISSUER and the others."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from app.settings import parsers as parse
from app.settings.parsers import ParseError

Kind = Literal["openid", "microsoft", "github"]
Read = Callable[..., Any]

SUFFIXES = (
    "CLIENT_ID", "CLIENT_SECRET", "ISSUER", "LABEL", "SCOPES", "TRUST_EMAIL", "GROUPS_CLAIM", "INTERNAL_URL",
)  # fmt: skip
"""A provider called N is described by the variables N_CLIENT_ID and so on."""

RESERVED = frozenset(
    {
        "allowed", "allowed-email", "api", "app", "cookie", "database", "db", "db-pool", "dev", "log",
        "metrics", "migrate", "migrate-database", "migrate-on", "node", "otel", "otel-exporter",
        "otel-exporter-otlp", "rate", "rate-limit", "rate-limit-not", "rate-limit-sign", "redis", "sentry",
        "session", "session-secret", "token", "trusted", "vite", "vite-api", "web", "webapp", "worker",
    }
)  # fmt: skip
"""Names whose variables would stand among other variables of this service: app_ would be one of APP_ENV."""

DEVELOPMENT = "development"
"""The provider of `bin/dev`."""
DEVELOPMENT_ISSUER = "http://localhost:9400"

LABELS = {
    "google": "Google",
    "microsoft": "Microsoft",
    "github": "GitHub",
    "gitlab": "GitLab",
    "oidc": "OpenID",
}
ISSUERS = {"google": "https://accounts.google.com", "gitlab": "https://gitlab.com"}
MICROSOFT = "https://login.microsoftonline.com"
SCOPES = {
    "openid": "openid email profile",
    "microsoft": "openid email profile",
    "github": "read:user user:email",
}

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""A scope token (RFC 6749, section 3.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderSettings:
    """One provider that people sign in with.

    Attributes:
        name: in PROVIDERS, in paths and in the metrics.
        kind: how it is talked to.
        label: what people read.
        issuer: as written, to the letter; GitHub's is its URL.
        scopes: asked for, in order.
        trusts_email: whether an address counts that the provider says nothing about.
        groups_claim: the claim with somebody's groups.
        internal_url: where this service reaches the issuer, if that is another place than for browsers.
    """

    name: str
    kind: Kind
    label: str
    client_id: str
    client_secret: str = field(repr=False)
    issuer: str
    scopes: tuple[str, ...]
    trusts_email: bool
    groups_claim: str | None
    internal_url: str | None

    @property
    def has_one_tenant(self) -> bool:
        """Whether a Microsoft provider lets in one organisation alone."""
        return self.kind == "microsoft" and is_guid(self.issuer.rpartition("/v2.0")[0].rpartition("/")[2])


def is_guid(text: str) -> bool:
    """Whether this is a GUID in lower case, as Microsoft writes its tenants'."""
    return _GUID.fullmatch(text) is not None


def prefix_of(name: str) -> str:
    """What a provider's variables begin with."""
    return name.upper().replace("-", "_") + "_"


def parse_names(value: str) -> tuple[str, ...]:
    """PROVIDERS: names in the order of the page to choose from."""
    names = tuple(item.strip() for item in value.split(",") if item.strip())
    if not names:
        raise ParseError("names nothing; leave the variable empty for google alone")
    taken: dict[str, str] = {}
    for name in names:
        if not _NAME.fullmatch(name):
            raise ParseError(
                f"{name!r} must be 1 to 32 of a-z, 0-9 and -, and begin with a letter, as google, my-company"
            )
        if name in RESERVED:
            raise ParseError(
                f"{name!r} cannot be a provider: {prefix_of(name)}… are other variables of the service"
            )
        for suffix in SUFFIXES:
            variable = prefix_of(name) + suffix
            if variable in taken:
                raise ParseError(f"{taken[variable]!r} and {name!r} would both have {variable}")
            taken[variable] = name
    return names


def read_providers(
    names: Sequence[str], *, read: Read, required: Read, is_local: bool
) -> tuple[ProviderSettings, ...]:
    """The providers of these names.

    Args:
        names: of PROVIDERS.
        read: reads an optional variable: name, parser, default.
        required: reads one that production requires: name, parser, and the default elsewhere.
        is_local: whether http is allowed, as in development and test.
    """
    return tuple(_read_provider(name, read, required, is_local=is_local) for name in names)


def _read_provider(name: str, read: Read, required: Read, *, is_local: bool) -> ProviderSettings:
    kind: Kind = "microsoft" if name == "microsoft" else "github" if name == "github" else "openid"
    prefix = prefix_of(name)
    return ProviderSettings(
        name=name,
        kind=kind,
        label=read(f"{prefix}LABEL", _label, LABELS.get(name, name.replace("-", " ").capitalize())),
        client_id=required(f"{prefix}CLIENT_ID", parse.text, DEVELOPMENT),
        client_secret=required(f"{prefix}CLIENT_SECRET", parse.text, DEVELOPMENT),
        issuer=_issuer(name, kind, read, required, is_local=is_local),
        scopes=read(f"{prefix}SCOPES", partial(_scopes, kind=kind), SCOPES[kind]) or (),
        trusts_email=read(f"{prefix}TRUST_EMAIL", parse.boolean, "false"),
        groups_claim=read(f"{prefix}GROUPS_CLAIM", parse.text),
        internal_url=read(f"{prefix}INTERNAL_URL", parse.url(https_only=False)),
    )


def _issuer(name: str, kind: Kind, read: Read, required: Read, *, is_local: bool) -> str:
    issuer = partial(_checked_issuer, https_only=not is_local)
    if kind == "github":
        return str(read("GITHUB_URL", parse.url(https_only=not is_local), "https://github.com"))
    variable = f"{prefix_of(name)}ISSUER"
    if kind == "microsoft":
        tenant = read("MICROSOFT_TENANT", _tenant, "common")
        return str(read(variable, issuer, f"{MICROSOFT}/{tenant}/v2.0"))
    if name in ISSUERS:
        return str(read(variable, issuer, ISSUERS[name]))
    if name == DEVELOPMENT:
        return str(required(variable, issuer, DEVELOPMENT_ISSUER))
    return str(required(variable, issuer))


def _checked_issuer(value: str, *, https_only: bool) -> str:
    """The issuer as it is written: providers compare every letter (OpenID Connect Core, section 2)."""
    parse.url(https_only=https_only)(value)
    return value


def _tenant(value: str) -> str:
    tenant = value.lower()
    if tenant not in {"common", "organizations", "consumers"} and not is_guid(tenant):
        raise ParseError("must be common, organizations, consumers, or the id of your tenant (a GUID)")
    return tenant


def _label(value: str) -> str:
    if len(parse.text(value)) > 100:  # noqa: PLR2004  # a line of the page
        raise ParseError("must have at most 100 characters")
    return value


def _scopes(value: str, *, kind: Kind) -> tuple[str, ...]:
    scopes = tuple(value.split())
    if not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ParseError("must be scopes with blanks between them, such as openid email profile")
    if kind != "github" and "openid" not in scopes:
        raise ParseError("must have openid among them")
    return scopes


def provider_doubts(providers: Sequence[ProviderSettings]) -> Iterator[str]:
    """A sentence for each setting that is valid, but may not be meant."""
    by_issuer: dict[str, list[str]] = {}
    for provider in providers:
        by_issuer.setdefault(provider.issuer.rstrip("/"), []).append(provider.name)
        if provider.kind == "microsoft" and provider.trusts_email and not provider.has_one_tenant:
            yield (
                "MICROSOFT_TRUST_EMAIL has no effect until MICROSOFT_TENANT is your tenant's id: in other "
                "tenants anybody may claim any address."
            )
    for issuer, names in by_issuer.items():
        if len(names) > 1:
            yield (
                f"PROVIDERS: {' and '.join(names)} have one issuer, {issuer}: somebody is the same person "
                "with each of them."
            )
