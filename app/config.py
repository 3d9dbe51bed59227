"""What the service can be told by its environment: read once, checked once, then frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal

from environs import Env, EnvValidationError

from app import config_parsers as parse
from app.config_parsers import Rate

ORIGINAL_NAMES = {"APP_ENV": "NODE_ENV", "API_URL": "VITE_API_URL"}
"""Names of the Node backend's deployment guide; ours wins when both are set."""

VERBATIM = frozenset({"DB_PASSWORD"})
"""Values whose outer blanks count."""

LOCAL_DEFAULTS = {
    "SESSION_SECRET": "not-a-secret-only-for-development-and-tests",
    "GOOGLE_CLIENT_ID": "development",
    "GOOGLE_CLIENT_SECRET": "development",
    "WEBAPP_URL": "http://localhost:5173",
    "DATABASE_URL": "postgresql://postgres@localhost:5432/connected_backend",
}
"""What development and test use where staging and production require a value."""

PRIVATE_NETWORKS = "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"


class ConfigError(Exception):
    """The environment is not usable.

    Attributes:
        faults: one sentence a fault, each beginning with the variable's name.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(["The configuration is not valid:", *faults]))
        self.faults = faults


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The whole configuration. URLs carry no trailing slash; pairs of rates are counts per seconds."""

    app_env: Literal["development", "test", "staging", "production"]
    host: str
    port: int
    database_url: str = field(repr=False)
    migrate_database_url: str = field(repr=False)
    db_pool_max: int
    session_secret: str = field(repr=False)
    session_secret_previous: str | None = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    oidc_issuer: str
    allowed_origins: frozenset[str]
    webapp_url: str
    api_url: str
    registration: Literal["confirm", "automatic", "closed"]
    allowed_email_domains: frozenset[str]
    cookie_domain: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    rate_limit: Rate
    rate_limit_not_found: Rate
    rate_limit_sign_in: Rate
    redis_url: str | None = field(repr=False)
    metrics_token: str | None = field(repr=False)
    web_concurrency: int | None
    web_threads: int
    log_format: Literal["json", "console"]
    log_level: str
    migrate_on_start: bool
    sentry_dsn: str | None = field(repr=False)
    otel_endpoint: str | None

    @property
    def is_hardened(self) -> bool:
        """Whether this is staging or production, where http is refused and HSTS is sent."""
        return self.app_env in {"staging", "production"}

    @property
    def own_origin(self) -> str:
        """The origin browsers see this service at."""
        return parse.origin_of(self.api_url)

    @property
    def goes_through_pooler(self) -> bool:
        """Whether DATABASE_URL is a pooler's: migrations then have a server of another host or port."""
        return parse.address_of(self.database_url) != parse.address_of(self.migrate_database_url)

    def warnings(self) -> list[str]:
        """Sentences about what is allowed and still hardly meant."""
        return list(parse.same_site_doubts(self.webapp_url, self.api_url))

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], *, embedded_database_url: str | None = None
    ) -> "Config":
        """Reads and checks every variable.

        Args:
            environ: the process's environment; an empty value counts as unset.
            embedded_database_url: what development uses when no database is named.

        Raises:
            ConfigError: with every fault there is.
        """
        reader = _Reader(environ)
        values = reader.values(embedded_database_url)
        reader.raise_faults()
        return cls(**values)


class _MappingEnv(Env):
    """environs over a given mapping: empty means unset, and the original guide's names are known."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._source = environ
        self.add_parser("parsed", lambda value, parser: None if value is None else parser(value))

    def _get_value(self, env_key: str, default: Any) -> Any:  # noqa: ANN401  # environs' own signature
        for name in (env_key, ORIGINAL_NAMES.get(env_key, env_key)):
            value = self._source.get(name, "")
            if value.strip():
                return value if name in VERBATIM else value.strip()
        return default


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

    def _required(self, name: str, parser: Any) -> Any:  # noqa: ANN401  # its parser types it
        default = LOCAL_DEFAULTS.get(name, ...) if self._is_local else ...
        return self._env.parsed(name, default, parser=parser)

    def values(self, embedded_database_url: str | None) -> dict[str, Any]:
        """Config's fields; None where a fault was noted."""
        read = self._read
        url = parse.url(https_only=not self._is_local)
        port = read("PORT", parse.integer(1, 65535), 3000)
        threads = read("WEB_THREADS", parse.integer(1, 512), 8)
        webapp_url = self._required("WEBAPP_URL", url)
        api_url = read("API_URL", url, f"http://localhost:{port}" if self._is_local else ...)
        database_url = self.database_url(embedded_database_url)
        console = "console" if self._app_env == "development" else "json"
        provider = "http://localhost:9400" if self._is_local else "https://accounts.google.com"
        return {
            "app_env": self._app_env,
            "host": read("HOST", parse.host, "0.0.0.0"),  # noqa: S104  # a container listens to its network
            "port": port,
            "database_url": database_url,
            "migrate_database_url": self.migrate_database_url(database_url),
            "db_pool_max": read("DB_POOL_MAX", parse.integer(1, 1000), threads),
            "session_secret": self._required("SESSION_SECRET", parse.session_secret),
            "session_secret_previous": read("SESSION_SECRET_PREVIOUS", parse.session_secret),
            "client_id": self._required("GOOGLE_CLIENT_ID", parse.text),
            "client_secret": self._required("GOOGLE_CLIENT_SECRET", parse.text),
            "oidc_issuer": read("OIDC_ISSUER", url, provider),
            "allowed_origins": self._allowed_origins(webapp_url),
            "webapp_url": webapp_url,
            "api_url": api_url,
            "registration": read("REGISTRATION", parse.one_of("confirm", "automatic", "closed"), "confirm"),
            "allowed_email_domains": read("ALLOWED_EMAIL_DOMAINS", parse.domains, ""),
            "cookie_domain": read("COOKIE_DOMAIN", partial(parse.cookie_domain, api_url=api_url)),
            "trusted_proxies": read("TRUSTED_PROXIES", parse.networks, PRIVATE_NETWORKS),
            "rate_limit": read("RATE_LIMIT", Rate.parse, "200/minute"),
            "rate_limit_not_found": read("RATE_LIMIT_NOT_FOUND", Rate.parse, "10/minute"),
            "rate_limit_sign_in": read("RATE_LIMIT_SIGN_IN", Rate.parse, "10/15minutes"),
            "redis_url": read("REDIS_URL", parse.redis_url),
            "metrics_token": read("METRICS_TOKEN", parse.text),
            "web_concurrency": read("WEB_CONCURRENCY", parse.integer(1, 256)),
            "web_threads": threads,
            "log_format": read("LOG_FORMAT", parse.one_of("json", "console"), console),
            "log_level": read("LOG_LEVEL", parse.log_level, "info"),
            "migrate_on_start": read("MIGRATE_ON_START", parse.boolean, "true"),
            "sentry_dsn": read("SENTRY_DSN", parse.dsn),
            "otel_endpoint": read("OTEL_EXPORTER_OTLP_ENDPOINT", parse.dsn),
        }

    def _allowed_origins(self, webapp_url: str | None) -> frozenset[str]:
        listed: frozenset[str] = self._read("ALLOWED_ORIGINS", parse.origins, "") or frozenset()
        return listed | {parse.origin_of(webapp_url)} if webapp_url else listed

    def database_url(self, embedded_database_url: str | None) -> str | None:
        """DATABASE_URL, else what the DB_* variables make, else what this APP_ENV falls back on."""
        fallback = LOCAL_DEFAULTS["DATABASE_URL"] if self._is_local else None
        if self._app_env == "development" and embedded_database_url:
            fallback = embedded_database_url
        if url := self._read("DATABASE_URL", parse.database_url):
            return str(url)
        names = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_SSLMODE")
        if self._environ.get("DATABASE_URL", "").strip():
            return None
        if not any(self._environ.get(name, "").strip() for name in names):
            if fallback is None:
                self._faults.append("DATABASE_URL: required (or DB_HOST, DB_USER, DB_PASSWORD and DB_NAME)")
            return fallback
        parts = {
            "host": self._env.parsed("DB_HOST", parser=parse.text),
            "port": self._read("DB_PORT", parse.integer(1, 65535), 5432),
            "user": self._env.parsed("DB_USER", parser=parse.text),
            "password": self._env.parsed("DB_PASSWORD", parser=parse.text),
            "name": self._env.parsed("DB_NAME", parser=parse.text),
            "sslmode": self._read("DB_SSLMODE", parse.one_of(*parse.SSL_MODES), "prefer"),
        }
        return None if None in parts.values() else parse.compose_database_url(**parts)

    def migrate_database_url(self, database_url: str | None) -> str:
        """A direct connection for migrations; the service's own where none is named."""
        return str(self._read("MIGRATE_DATABASE_URL", parse.database_url, database_url))

    def raise_faults(self) -> None:
        """Raises ConfigError with what environs collected and what was noted here."""
        try:
            self._env.seal()
        except EnvValidationError as error:
            messages: dict[str, list[str]] = dict(error.error_messages)  # type: ignore[arg-type]  # seal's are a mapping
            for name, sentences in messages.items():
                self._faults += [f"{self._name_in_use(name)}: {_own_words(text)}" for text in sentences]
        if self._faults:
            raise ConfigError(sorted(self._faults))

    def _name_in_use(self, name: str) -> str:
        original = ORIGINAL_NAMES.get(name, name)
        return original if not self._environ.get(name) and self._environ.get(original) else name


def migration_database_url(environ: Mapping[str, str], *, embedded_database_url: str | None = None) -> str:
    """The database that migrations run against, without asking for the rest of the configuration.

    Raises:
        ConfigError: with every fault of the variables that name the database.
    """
    reader = _Reader(environ)
    url = reader.migrate_database_url(reader.database_url(embedded_database_url))
    reader.raise_faults()
    return url


def _own_words(message: str) -> str:
    return "required, and not set" if message == "Environment variable not set." else message
