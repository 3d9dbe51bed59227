"""What the tests stand on: a real PostgreSQL, a real OpenID provider, the application over both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from prometheus_client import CollectorRegistry

from app.commands.report import TextReport
from app.database.pool import Database
from app.migrations.command import migrate
from app.rate_limit.limiter import make_limiter
from app.rate_limit.shared_memory import SharedMemory
from app.settings.config import Config
from app.telemetry.metrics import Metrics
from app.wsgi import create_app
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.described import description
from tests.support.log_watch import WATCH
from tests.support.loop import Loop
from tests.support.provider import OpenIDProvider, client_at
from tests.support.redis import MISSING, redis_server
from tests.support.service import UNLIMITED, Service
from tests.support.visitor import Visitor

pytest_plugins = ["tests.support.log_plugin", "tests.support.needs"]

WEBAPP = "http://localhost:5173"
TEMPLATE = "migrated"


def pytest_sessionstart() -> None:
    """A missing server is told once, before the first test."""
    if redis_server() is None:
        pytest.exit(MISSING, returncode=69)


@pytest.fixture(scope="session", autouse=True)
def _described() -> Iterator[None]:
    """Holds what real services answer to `requests` against their description, too."""
    send = requests.Session.send

    def send_and_check(
        session: requests.Session, request: requests.PreparedRequest, **arguments: Any
    ) -> requests.Response:
        answer = send(session, request, **arguments)
        asked = urlsplit(str(request.url))
        if asked.port in Service.ports and not arguments.get("stream") and not answer.history:
            description().check(
                str(request.method), asked.path, answer.status_code, answer.headers, answer.content
            )
        return answer

    with patch.object(requests.Session, "send", send_and_check):
        yield


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the whole run; `migrated` in it is the template of each test's database."""
    data: Path = tmp_path_factory.mktemp("pg")
    with EmbeddedPostgres(data, settings={"fsync": "off", "max_connections": "300"}) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(server.url(TEMPLATE), report=TextReport(StringIO()), wait=10)
        yield server


@pytest.fixture
def loop() -> Iterator[Loop]:
    """What a worker's requests wait in, run by the test."""
    made = Loop()
    yield made
    made.hub.end()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of the test's own."""
    with fresh_database(postgres, template=TEMPLATE) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """To look into the test's database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def _provider() -> Iterator[OpenIDProvider]:
    provider = OpenIDProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def provider(_provider: OpenIDProvider) -> OpenIDProvider:
    """An honest provider, and a new person to sign in."""
    _provider.reset()
    return _provider


@pytest.fixture
def make_config(database_url: str, provider: OpenIDProvider) -> Callable[..., Config]:
    """A configuration of APP_ENV=test; arguments are environment variables."""

    def make(**environ: str) -> Config:
        WATCH.environ(environ)
        return Config.from_environ(
            {
                "APP_ENV": "test",
                "DATABASE_URL": database_url,
                **({} if "PROVIDERS" in environ else client_at(provider.issuer)),
                **UNLIMITED,
                **environ,
            }
        )

    return make


@pytest.fixture
def make_app(
    make_config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """The application over the test's database; arguments are environment variables."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with ExitStack() as stack:

        def make(**environ: str) -> Any:
            config = make_config(**environ)
            metrics = Metrics(CollectorRegistry())
            database = Database(
                url=config.database_url,
                metrics=metrics,
                pool_max=config.db_pool_max,
                through_pooler=config.goes_through_pooler,
            )
            database.open()
            stack.callback(database.close)
            memory = SharedMemory()
            stack.callback(memory.close)
            limiter = make_limiter(config, memory, metrics)
            stack.callback(limiter.store.close)
            return create_app(
                config=config,
                database=database,
                limiter=limiter,
                metrics=metrics,
                stopping=Event(),
            )

        yield make


@pytest.fixture
def app(make_app: Callable[..., Any]) -> Any:
    return make_app()


@pytest.fixture
def visitor(app: Any) -> Visitor:
    """Somebody at the sample frontend, not signed in."""
    return Visitor(app, origin=WEBAPP)


@pytest.fixture
def make_service(database_url: str) -> Iterator[Callable[..., Service]]:
    """Starts `bin/start`; the arguments are environment variables and, if need be, another database_url."""
    with ExitStack() as stack:

        def make(**arguments: Any) -> Service:
            service = Service(**{"database_url": database_url, **arguments})
            stack.callback(service.kill)
            return service

        yield make
