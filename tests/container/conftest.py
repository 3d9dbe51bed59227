"""Builds the image once per run; its storage stays in .data/container for the next."""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest

from dev.postgres import EmbeddedPostgres
from tests.container import images
from tests.container.containers import free_port
from tests.container.engine import Engine

CACHE = images.ROOT / ".data" / "container"
TOOLS = ("buildah", "mmdebstrap", "podman", "runc")


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Writes a line past pytest's capture: a build takes long enough to want news of it."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(line)
            reporter.flush()

    return write


@pytest.fixture(scope="session")
def engine() -> Engine:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.fail(f"Not installed: {', '.join(missing)}. bin/ci --full installs them on Debian.")
    if os.geteuid() != 0:
        pytest.fail("Making a base image and confining containers needs root.")
    return Engine(CACHE)


@pytest.fixture(scope="session")
def image(engine: Engine, say: Callable[[str], None]) -> Iterator[str]:
    """The name of the image the repository's Dockerfile makes."""
    images.ensure_base(engine, CACHE / "base.txt", say)
    started = time.monotonic()
    say("image: building ...")
    name = "localhost/connected-backend:test"
    images.build(engine, name, (images.ROOT / "Dockerfile").read_text(encoding="utf-8"))
    say(f"image: built in {time.monotonic() - started:.0f} s")
    yield name
    # Its layers stay, untagged, and make the next build a quick one.
    engine.run("podman", "untag", name)


@pytest.fixture(scope="session")
def postgres_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The loopback port of a PostgreSQL of these tests' own; containers on the host's network reach it."""
    port = free_port()
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), port=port) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE ROLE service LOGIN CREATEDB PASSWORD 'service'")
        yield port


@pytest.fixture
def database_url(postgres_port: int) -> str:
    """The URL of an empty database that belongs to an ordinary role."""
    server = f"postgresql://service:service@127.0.0.1:{postgres_port}"
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server}/{name}"
