"""The image at work: read-only, without privileges, on a real PostgreSQL."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest

from tests.container import checks
from tests.container.containers import Container, production
from tests.container.engine import Engine

pytestmark = pytest.mark.container


@pytest.fixture
def container(engine: Engine, image: str, database_url: str) -> Iterator[Container]:
    """A healthy container of the image on an empty database."""
    with Container(engine, image, production(database_url)) as started:
        started.wait_until_healthy()
        yield started


def test_the_server_is_pid_1_and_sigterm_ends_it_in_time(
    container: Container, say: Callable[[str], None]
) -> None:
    checks.server_is_first_process(container)
    say(f"container: {container.memory_bytes() / 1e6:.0f} MB of memory at rest")
    checks.ends_in_time(container)


def test_half_a_cpu_is_enough_and_it_rests_below_128_mb(
    engine: Engine, image: str, database_url: str, say: Callable[[str], None]
) -> None:
    """With 512 MB of memory and default settings, as every container here."""
    with Container(engine, image, production(database_url), options=("--cpus=0.5",)) as container:
        # The second generation of cgroups, then the first.
        limit = "cd /sys/fs/cgroup && cat cpu.max cpu/cpu.cfs_quota_us 2>/dev/null || true"
        assert container.execute("sh", "-c", limit).split()[0] == "50000"
        started = time.monotonic()
        container.wait_until_healthy()
        say(f"container: healthy after {time.monotonic() - started:.1f} s with half a CPU")
        for _ in range(200):
            with urlopen(f"http://127.0.0.1:{container.port}/health/ready", timeout=10) as answer:
                assert answer.status == 200
        megabytes = container.memory_bytes() / 1e6
        say(f"container: {megabytes:.0f} MB of memory with half a CPU")
        assert megabytes < 128
        checks.ends_in_time(container)


def test_it_serves_with_a_read_only_root_and_its_health_check_sees_that(container: Container) -> None:
    with urlopen(f"http://127.0.0.1:{container.port}/health/ready", timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"
    assert container.check_health() == "healthy"


def test_its_health_check_costs_at_most_100_ms_of_cpu(
    container: Container, say: Callable[[str], None]
) -> None:
    """It runs every 30 s in each replica; the least of five runs, as others use this machine."""
    costs = []
    # `times` counts in steps of 10 ms, so it looks at ten checks.
    checks_in_a_row = "&& ".join(["bin/healthcheck "] * 10)
    for _ in range(5):
        # POSIX: the second line is of the children, user and system time as in `0m0.031s 0m0.004s`.
        spent = container.execute("sh", "-c", f"{checks_in_a_row} && times").splitlines()[1].split()
        costs.append(sum(float(part.partition("m")[2].rstrip("s")) for part in spent) / 10)
    say(f"container: a health check takes {min(costs) * 1000:.0f} ms of CPU")
    assert 0 < min(costs) <= 0.1


def test_the_commands_for_operators_work_inside(container: Container) -> None:
    assert container.execute("bin/migrate", "check")
    assert len(container.execute("bin/secret")) >= 32
    assert "Deleted 0 sessions." in container.execute("bin/sessions", "purge")
    container.execute("bin/sessions", "list")
    container.execute("bin/users", "list")


def test_all_that_is_optional_can_be_turned_on(engine: Engine, image: str, database_url: str) -> None:
    """The packages for it are in the image; nobody answers, which must not keep it from serving."""
    optional = {
        "REDIS_URL": "redis://127.0.0.1:1",
        "SENTRY_DSN": "http://key@127.0.0.1:1/1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    with Container(engine, image, production(database_url) | optional) as container:
        container.wait_until_healthy()
        with urlopen(f"http://127.0.0.1:{container.port}/health/ready", timeout=10) as answer:
            assert json.load(answer)["status"] == "ok"
        checks.ends_in_time(container)


def test_without_configuration_it_exits_78_and_names_every_missing_variable(
    engine: Engine, image: str
) -> None:
    with Container(engine, image, {}) as container:
        assert container.exit_code() == 78
        logs = container.logs()
    for name in production(""):
        assert name in logs


def test_two_replicas_started_together_share_an_empty_database(
    engine: Engine, image: str, database_url: str
) -> None:
    environment = production(database_url)
    with Container(engine, image, environment) as first, Container(engine, image, environment) as second:
        first.wait_until_healthy()
        second.wait_until_healthy()
        logs = [first.logs(), second.logs()]
    assert sum("Applied" in log for log in logs) == 1
    assert sum("Database is up to date" in log for log in logs) == 1


def test_sigterm_is_not_lost_while_it_starts(engine: Engine, image: str, database_url: str) -> None:
    # The first process of a container loses signals it has no handler for: each start is stopped a bit later.
    for delay in (0.2, 0.4, 0.6, 0.8, 1.0):
        with Container(engine, image, production(database_url)) as container:
            threading.Event().wait(delay)
            code, seconds = container.stop(25)
            assert code in {0, 143}, container.logs()
            assert seconds < 15
