"""The service's whole configuration: read from the environment once, checked once, then frozen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal

from environs import Env, EnvError, EnvValidationError

from app.settings import parsers as parse
from app.settings import variables
from app.settings.database_url import DatabaseVariables
from app.settings.domains import Siblings
from app.settings.doubts import UNRULED_DOORS, same_site_doubts, secret_doubts
from app.settings.environment import embedded_database_url, with_dotenv
from app.settings.parsers import Rate
from app.settings.providers import (
    DEVELOPMENT,
    ProviderSettings,
    parse_names,
    provider_doubts,
    read_providers,
)
from app.settings.variables import ORIGINAL_NAMES, ConfigError

LOCAL_DEFAULTS = {
    "SESSION_SECRET": "not-a-secret-only-for-development-and-tests",
    "WEBAPP_URL": "http://localhost:5173",
}
"""Defaults of development and test; staging and production require these variables."""

PRIVATE_NETWORKS = "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
"""Loopback and private addresses (RFC 1918, RFC 4193)."""

_NOT_SET = object()


REQUESTS_PER_THREAD = 8
"""How many requests our worker has in hand for each of WEB_THREADS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The whole configuration. No URL ends with a slash."""

    app_env: Literal["development", "test", "staging", "production"]
    host: str
    port: int
    database_url: str = field(repr=False)
    migrate_database_url: str = field(repr=False)
    db_pool_max: int
    session_secret: str = field(repr=False)
    session_secret_previous: str | None = field(repr=False)
    providers: tuple[ProviderSettings, ...]
    allowed_origins: frozenset[str]
    webapp_url: str
    api_url: str
    registration: Literal["confirm", "automatic", "closed"]
    allowed_emails: frozenset[str]
    allowed_email_domains: frozenset[str]
    cookie_domain: str | None
    token_audiences: tuple[str, ...]
    token_lifetime: int
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    rate_limit: Rate
    rate_limit_not_found: Rate
    rate_limit_sign_in: Rate
    redis_url: str | None = field(repr=False)
    metrics_token: str | None = field(repr=False)
    web_concurrency: int | None
    web_threads: int
    worker_class: Literal["ours", "gthread"]
    log_format: Literal["json", "console"]
    log_level: str
    migrate_on_start: bool
    sentry_dsn: str | None = field(repr=False)
    otel_endpoint: str | None

    @property
    def is_hardened(self) -> bool:
        """Whether this is staging or production: they refuse http and send HSTS."""
        return self.app_env in {"staging", "production"}

    @property
    def own_origin(self) -> str:
        """The origin of this service as browsers see it."""
        return parse.origin_of(self.api_url)

    @property
    def siblings(self) -> Siblings | None:
        """The hosts that share the session; None without COOKIE_DOMAIN."""
        scheme = self.api_url.partition(":")[0]
        return Siblings(scheme, self.cookie_domain) if self.cookie_domain else None

    @property
    def requests_at_once(self) -> int:
        """How many requests a worker has in hand at a time; those of ours wait without a thread."""
        return self.web_threads * (REQUESTS_PER_THREAD if self.worker_class == "ours" else 1)

    @property
    def goes_through_pooler(self) -> bool:
        """Whether DATABASE_URL leads to a pooler: MIGRATE_DATABASE_URL then names another host or port."""
        return parse.server_of(self.database_url) != parse.server_of(self.migrate_database_url)

    def warnings(self) -> list[str]:
        """Sentences about settings that are valid, but probably a mistake."""
        sentences = [*same_site_doubts(self.webapp_url, self.api_url), *provider_doubts(self.providers)]
        if self.session_secret != LOCAL_DEFAULTS["SESSION_SECRET"] or self.is_hardened:
            sentences += secret_doubts("SESSION_SECRET", self.session_secret)
        if self.session_secret_previous:
            sentences += secret_doubts("SESSION_SECRET_PREVIOUS", self.session_secret_previous)
        if self.cookie_domain:
            sentences.append(UNRULED_DOORS)
        return sentences

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], *, embedded_database_url: str | None = None
    ) -> "Config":
        """Reads and checks every variable.

        Args:
            environ: the process's environment; an empty value counts as unset.
            embedded_database_url: development's default.

        Raises:
            ConfigError: lists every fault.
        """
        database = DatabaseVariables(environ, embedded_database_url=embedded_database_url)
        reader = _Reader(environ)
        values = reader.values()
        reader.raise_faults(database.faults)
        return cls(**values, database_url=database.url or "", migrate_database_url=database.migrate_url or "")


def load_config(environ: Mapping[str, str]) -> Config:
    """The configuration of this process; development also reads `.env`.

    Raises:
        ConfigError: lists every fault.
    """
    merged = with_dotenv(environ)
    return Config.from_environ(merged, embedded_database_url=embedded_database_url(merged))


class _MappingEnv(Env):
    """environs over a given mapping, read by app.settings.variables' rules."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._source = environ
        self.add_parser("parsed", _parsed)

    def _get_value(self, env_key: str, default: Any) -> Any:  # noqa: ANN401  # environs' own signature
        value = variables.find(self._source, env_key)
        return default if value is None else value


def _parsed(value: object, parser: Callable[[Any], object]) -> object:
    if value is _NOT_SET:
        raise EnvError("required, and not set")
    try:
        return None if value is None else parser(value)
    except parse.ParseError as error:
        raise EnvError(str(error)) from error


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._env = _MappingEnv(environ)
        self._environ = environ
        self._faults: list[str] = []
        self._app_env: str | None = self._read(
            "APP_ENV", parse.one_of("development", "test", "staging", "production"), "production"
        )
        self._is_local = self._app_env in {"development", "test"}

    def _read(self, name: str, parser: Any, default: Any = None) -> Any:  # noqa: ANN401  # its parser types it
        return self._env.parsed(name, default, parser=parser)

    def _required(self, name: str, parser: Any, local_default: Any = _NOT_SET) -> Any:  # noqa: ANN401  # its parser types it
        default = LOCAL_DEFAULTS.get(name, local_default) if self._is_local else _NOT_SET
        return self._env.parsed(name, default, parser=parser)

    def values(self) -> dict[str, Any]:
        """Config's fields; None for each that has a fault."""
        read = self._read
        url = parse.url(https_only=not self._is_local)
        port = read("PORT", parse.integer(1, 65535), 3000)
        threads = read("WEB_THREADS", parse.integer(1, 512), 8)
        webapp_url = self._required("WEBAPP_URL", url)
        api_default = f"http://localhost:{port}" if self._is_local else _NOT_SET
        api_url = read("API_URL", parse.api_url(https_only=not self._is_local), api_default)
        console = "console" if self._app_env == "development" else "json"
        return {
            "app_env": self._app_env,
            "host": read("HOST", parse.host, "0.0.0.0"),  # noqa: S104  # a container listens on all its addresses
            "port": port,
            "db_pool_max": read("DB_POOL_MAX", parse.integer(1, 1000), threads),
            "session_secret": self._required("SESSION_SECRET", parse.session_secret),
            "session_secret_previous": read("SESSION_SECRET_PREVIOUS", parse.session_secret),
            "providers": self._providers(),
            "allowed_origins": self._allowed_origins(webapp_url),
            "webapp_url": webapp_url,
            "api_url": api_url,
            "registration": read("REGISTRATION", parse.one_of("confirm", "automatic", "closed"), "confirm"),
            "allowed_emails": read("ALLOWED_EMAILS", parse.emails, ""),
            "allowed_email_domains": read("ALLOWED_EMAIL_DOMAINS", parse.domains, ""),
            "cookie_domain": read("COOKIE_DOMAIN", partial(parse.cookie_domain, api_url=api_url)),
            "token_audiences": read("TOKEN_AUDIENCES", parse.audiences) or (api_url,),
            "token_lifetime": read("TOKEN_LIFETIME", parse.integer(60, 3600), 300),
            "trusted_proxies": read("TRUSTED_PROXIES", parse.networks, PRIVATE_NETWORKS),
            "rate_limit": read("RATE_LIMIT", Rate.parse, "200/minute"),
            "rate_limit_not_found": read("RATE_LIMIT_NOT_FOUND", Rate.parse, "10/minute"),
            "rate_limit_sign_in": read("RATE_LIMIT_SIGN_IN", Rate.parse, "30/15minutes"),
            "redis_url": read("REDIS_URL", parse.redis_url),
            "metrics_token": read("METRICS_TOKEN", parse.text),
            "web_concurrency": read("WEB_CONCURRENCY", parse.integer(1, 256)),
            "web_threads": threads,
            "worker_class": read("WORKER_CLASS", parse.one_of("ours", "gthread"), "ours"),
            "log_format": read("LOG_FORMAT", parse.one_of("json", "console"), console),
            "log_level": read("LOG_LEVEL", parse.log_level, "info"),
            "migrate_on_start": read("MIGRATE_ON_START", parse.boolean, "true"),
            "sentry_dsn": read("SENTRY_DSN", parse.sentry_dsn),
            "otel_endpoint": read("OTEL_EXPORTER_OTLP_ENDPOINT", parse.url(https_only=False)),
        }

    def _providers(self) -> tuple[ProviderSettings, ...]:
        is_set = partial(variables.find, self._environ)
        # `bin/dev` brings a provider along; somebody with a client at Google wants that one.
        default = DEVELOPMENT if self._is_local and not is_set("GOOGLE_CLIENT_ID") else "google"
        names = self._read("PROVIDERS", parse_names, default) or ()
        if is_set("OIDC_ISSUER") and names and "oidc" not in names:
            self._faults.append(
                "OIDC_ISSUER: is the issuer of a provider called oidc: set PROVIDERS=oidc, OIDC_CLIENT_ID "
                "and OIDC_CLIENT_SECRET"
            )
        return read_providers(names, read=self._read, required=self._required, is_local=self._is_local)

    def _allowed_origins(self, webapp_url: str | None) -> frozenset[str]:
        listed: frozenset[str] = self._read("ALLOWED_ORIGINS", parse.origins, "") or frozenset()
        return listed | {parse.origin_of(webapp_url)} if webapp_url else listed

    def raise_faults(self, others: list[str]) -> None:
        """Raises ConfigError with the faults that environs collected, and the given ones."""
        faults = [*others, *self._faults]
        try:
            self._env.seal()
        except EnvValidationError as error:
            messages: dict[str, list[str]] = dict(error.error_messages)  # type: ignore[arg-type]  # seal() raises a mapping
            for name, sentences in messages.items():
                faults += [f"{self._name_in_use(name)}: {sentence}" for sentence in sentences]
        if faults:
            raise ConfigError(faults)

    def _name_in_use(self, name: str) -> str:
        original = ORIGINAL_NAMES.get(name, name)
        return original if not self._environ.get(name) and self._environ.get(original) else name
