"""The environment: defaults, the original guide's names, and every fault in one report."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.settings.config import Config
from app.settings.environment import load_migration_database_url, with_dotenv
from app.settings.parsers import Rate
from app.settings.variables import ConfigError
from tests.support.service import PRODUCTION

COMPLETE = {**PRODUCTION, "DATABASE_URL": "postgresql://u:p@db/app"}
ORIGINAL_GUIDE = {
    "NODE_ENV": "production",
    "DB_HOST": "db",
    "DB_PORT": "5432",
    "DB_USER": "user",
    "DB_PASSWORD": "p@ss/word",
    "DB_NAME": "app",
    "SESSION_SECRET": "s" * 32,
    "GOOGLE_CLIENT_ID": "id",
    "GOOGLE_CLIENT_SECRET": "secret",
    "ALLOWED_ORIGINS": "https://your-frontend-domain.com,https://app.yourdomain.com",
    "WEBAPP_URL": "https://your-frontend-domain.com",
    "VITE_API_URL": "https://your-backend-domain.com",
}


def faults(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_environ(environ)
    return caught.value.faults


def test_a_forgotten_app_env_means_production() -> None:
    config = Config.from_environ({**COMPLETE, "APP_ENV": ""})
    assert config.app_env == "production"
    assert config.is_hardened


def test_defaults_are_those_of_the_documentation() -> None:
    config = Config.from_environ(COMPLETE)
    assert (config.host, config.port, config.web_threads, config.db_pool_max) == ("0.0.0.0", 3000, 8, 8)  # noqa: S104
    assert [provider.issuer for provider in config.providers] == ["https://accounts.google.com"]
    assert config.allowed_origins == {"https://app.example.com"}
    assert config.registration == "confirm"
    assert config.allowed_emails == config.allowed_email_domains == frozenset()
    assert (config.rate_limit, config.rate_limit_not_found) == (Rate(200, 60), Rate(10, 60))
    assert config.rate_limit_sign_in == Rate(30, 900)
    assert ip_network("10.0.0.0/8") in config.trusted_proxies
    assert (config.log_format, config.log_level, config.migrate_on_start) == ("json", "info", True)
    assert config.migrate_database_url == config.database_url
    assert config.web_concurrency is None
    assert config.cookie_domain is config.redis_url is config.metrics_token is None


def test_the_original_guides_variables_work_unchanged() -> None:
    config = Config.from_environ(ORIGINAL_GUIDE)
    assert config.database_url == "postgresql://user:p%40ss%2Fword@db:5432/app?sslmode=prefer"
    assert config.api_url == "https://your-backend-domain.com"
    [google] = config.providers
    assert (google.name, google.client_id, google.client_secret) == ("google", "id", "secret")
    assert config.allowed_origins == {"https://your-frontend-domain.com", "https://app.yourdomain.com"}


def test_our_names_win_over_the_original_guides() -> None:
    config = Config.from_environ(
        {**ORIGINAL_GUIDE, "API_URL": "https://api.example.com/", "DATABASE_URL": "postgresql://x/y"}
    )
    assert (config.api_url, config.database_url) == ("https://api.example.com", "postgresql://x/y")


def test_every_fault_is_reported_at_once_each_naming_its_variable() -> None:
    found = faults(
        {
            "NODE_ENV": "production",
            "DB_HOST": "db",
            "DB_PORT": "none",
            "SESSION_SECRET": "s" * 31,
            "ALLOWED_ORIGINS": "*",
            "VITE_API_URL": "http://api.example.com",
            "PORT": "70000",
            "RATE_LIMIT": "many",
            "TRUSTED_PROXIES": "everybody",
            "MIGRATE_ON_START": "perhaps",
            "LOG_LEVEL": "loud",
            "REGISTRATION": "open",
        }
    )
    assert "SESSION_SECRET: Session secret must be at least 32 characters" in found
    assert "VITE_API_URL: must begin with https:// in staging and production" in found
    assert {fault.partition(":")[0] for fault in found} == {
        "ALLOWED_ORIGINS", "DB_NAME", "DB_PASSWORD", "DB_PORT", "DB_USER", "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET", "LOG_LEVEL", "MIGRATE_ON_START", "PORT", "RATE_LIMIT", "REGISTRATION",
        "SESSION_SECRET", "TRUSTED_PROXIES", "VITE_API_URL", "WEBAPP_URL",
    }  # fmt: skip


def test_a_slash_in_redis_password_is_a_fault_that_does_not_tell_it() -> None:
    [fault] = faults({**COMPLETE, "REDIS_URL": "redis://:pa/ss@host:6379/0"})
    assert fault == (
        "REDIS_URL: must be like redis://:password@host:6379/0, with %2F for / and %3F for ? in it"
    )


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("redis://:secret@host:6379/0?socket_timout=1", "socket_timout"),
        ("redis://host?max_connections=20&socket_timeout=many", "socket_timeout"),
        ("redis://host?timeout=long", "timeout"),
        ("rediss://host?ssl_cert_reqs=CERT_NONE&no_such=1", "ssl_cert_reqs, no_such"),
        ("redis://host?ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("unix:///run/redis?host=other", "host"),
    ],
)
def test_an_option_that_no_connection_to_redis_takes_is_refused(url: str, names: str) -> None:
    fault = "has an option that redis-py does not know, or whose value it does not take"
    assert faults({**COMPLETE, "REDIS_URL": url}) == [f"REDIS_URL: {fault}: {names}"]


def test_a_question_mark_in_redis_password_is_a_fault_that_does_not_tell_it() -> None:
    [fault] = faults({**COMPLETE, "REDIS_URL": "redis://user:12?secret=ab@host:6379/0"})
    assert fault.startswith("REDIS_URL: must be like redis://")
    assert "secret" not in fault


def test_options_that_a_connection_to_redis_takes_are_kept() -> None:
    url = "rediss://:p%3Fa@host:6379/0?ssl_cert_reqs=none&client_name=a@b&max_connections=20"
    assert Config.from_environ({**COMPLETE, "REDIS_URL": url}).redis_url == url


def test_a_limit_looks_no_further_than_a_year() -> None:
    assert faults({**COMPLETE, "RATE_LIMIT": "1/367days"}) == ["RATE_LIMIT: must look no further than a year"]
    assert Config.from_environ({**COMPLETE, "RATE_LIMIT": "1/366days"}).rate_limit.seconds == 366 * 86400


@pytest.mark.parametrize("app_env", ["staging", "production"])
@pytest.mark.parametrize(
    "variable", ["WEBAPP_URL", "API_URL", "GOOGLE_ISSUER", "MY_IDP_ISSUER", "GITHUB_URL"]
)
def test_http_is_refused_in_staging_and_production(app_env: str, variable: str) -> None:
    listed = {"PROVIDERS": "google, my-idp, github", "MY_IDP_ISSUER": "https://idp.example.com"}
    clients = {f"{name}_CLIENT_{part}": "x" for name in ("MY_IDP", "GITHUB") for part in ("ID", "SECRET")}
    found = faults({**COMPLETE, **listed, **clients, "APP_ENV": app_env, variable: "http://example.com"})
    assert found == [f"{variable}: must begin with https:// in staging and production"]


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "null",
        "https://a.example.com/path",
        "app.example.com",
        "https://*.example.com",
        "ftp://a.example.com",
    ],
)
def test_origins_that_are_none_are_refused(origins: str) -> None:
    assert faults({**COMPLETE, "ALLOWED_ORIGINS": origins})[0].startswith("ALLOWED_ORIGINS: ")


def test_origins_are_compared_as_browsers_send_them() -> None:
    listed = " https://App.Example.com:443/ , http://localhost:5173"
    config = Config.from_environ({**COMPLETE, "ALLOWED_ORIGINS": listed})
    assert config.allowed_origins == {"https://app.example.com", "http://localhost:5173"}


def test_a_development_door_needs_the_word_development() -> None:
    assert faults({"APP_ENV": "developement"})[0].startswith("API_URL")
    [provider] = Config.from_environ({"APP_ENV": "development"}).providers
    assert (provider.name, provider.issuer) == ("development", "http://localhost:9400")
    assert Config.from_environ({"APP_ENV": "test"}).log_format == "json"


@pytest.mark.parametrize(
    ("domain", "is_accepted"),
    [(".example.com", True), ("api.example.com", True), ("other.com", False), ("com", False), ("a b", False)],
)
def test_the_cookie_domain_must_hold_the_api(domain: str, is_accepted: bool) -> None:  # noqa: FBT001
    environ = {**COMPLETE, "COOKIE_DOMAIN": domain}
    if is_accepted:
        assert Config.from_environ(environ).cookie_domain == domain.removeprefix(".")
    else:
        assert faults(environ)[0].startswith("COOKIE_DOMAIN: ")


def test_another_site_for_the_frontend_is_warned_about() -> None:
    apart = Config.from_environ({**COMPLETE, "WEBAPP_URL": "https://example.org"})
    assert "same site" in apart.warnings()[0]
    assert Config.from_environ(COMPLETE).warnings() == []


def test_secrets_do_not_show_in_the_configurations_repr() -> None:
    shown = repr(Config.from_environ({**COMPLETE, "METRICS_TOKEN": "metrics-token"}))
    for secret in (COMPLETE["SESSION_SECRET"], "u:p@db", "test-client-secret", "metrics-token"):
        assert secret not in shown


def test_migrations_need_the_database_alone() -> None:
    assert load_migration_database_url({"DATABASE_URL": "postgresql://db/app"}) == "postgresql://db/app"
    direct = {"DATABASE_URL": "postgresql://pooler/app", "MIGRATE_DATABASE_URL": "postgresql://db/app"}
    assert load_migration_database_url(direct) == "postgresql://db/app"
    with pytest.raises(ConfigError, match="DATABASE_URL: required"):
        load_migration_database_url({})


@pytest.mark.parametrize(
    ("migrations", "is_pooled"),
    [
        ("", False),
        ("postgresql://service:p[w@db:6432/app", False),
        ("postgresql://owner:other@db:6432/app?sslmode=require", False),
        ("postgresql://service:p[w@db:5432/app", True),
        ("postgresql://service:p[w@db/app", True),
        ("postgresql://service:p[w@direct.db:6432/app", True),
        ("postgresql://service@/app?host=%2Frun%2Fpostgresql", True),
    ],
)
def test_a_pooler_is_known_by_migrations_that_go_to_another_address(migrations: str, is_pooled: bool) -> None:  # noqa: FBT001
    urls = {"DATABASE_URL": "postgresql://service:p[w@db:6432/app", "MIGRATE_DATABASE_URL": migrations}
    assert Config.from_environ(COMPLETE | urls).goes_through_pooler == is_pooled


@pytest.mark.parametrize(
    ("text", "rate"),
    [("200/minute", Rate(200, 60)), ("10/15minutes", Rate(10, 900)), ("5 / 2 Hours", Rate(5, 7200))],
)
def test_rates_are_counts_per_time(text: str, rate: Rate) -> None:
    assert Rate.parse(text) == rate


def test_dotenv_is_read_in_development_only(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nHOST=::1\n")
    assert with_dotenv({"APP_ENV": "development", "HOST": "::"}, tmp_path / ".env") == {
        "APP_ENV": "development",
        "PORT": "4000",
        "HOST": "::",
    }
    for app_env in ("", "test", "staging", "production"):
        assert "PORT" not in with_dotenv({"APP_ENV": app_env}, tmp_path / ".env")


@pytest.mark.parametrize(
    "variable", ["ALLOWED_EMAILS", "ALLOWED_EMAIL_DOMAINS", "ALLOWED_ORIGINS", "PROVIDERS", "TRUSTED_PROXIES"]
)
def test_a_list_of_nothing_is_refused_not_taken_for_everybody(variable: str) -> None:
    assert faults({**COMPLETE, variable: " , "})[0].startswith(f"{variable}: names nothing")


@pytest.mark.parametrize(
    ("host", "listens_on"),
    [("[::1]", "::1"), ("::", "::"), ("127.0.0.1", "127.0.0.1"), ("web-1", "web-1")],
)
def test_a_host_is_an_address_or_a_name(host: str, listens_on: str) -> None:
    assert Config.from_environ({**COMPLETE, "HOST": host}).host == listens_on


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOST", "*"),
        ("HOST", "not a host"),
        ("WEBAPP_URL", "https://\u4f8b\u3048.jp"),
        ("SESSION_SECRET", "s" * 32 + "\udcff"),
        ("COOKIE_DOMAIN", "0.0.1"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(variable: str, value: str) -> None:
    assert faults({**COMPLETE, "API_URL": "https://10.0.0.1", variable: value})[0].startswith(f"{variable}: ")


def test_a_password_keeps_its_blanks() -> None:
    config = Config.from_environ({**ORIGINAL_GUIDE, "DB_PASSWORD": " p "})
    assert config.database_url.startswith("postgresql://user:%20p%20@")


def test_the_original_name_for_development_reads_dotenv_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nOIDC_ISSUER=\n")
    merged = with_dotenv({"NODE_ENV": "development"}, tmp_path / ".env")
    assert merged == {"NODE_ENV": "development", "PORT": "4000"}
