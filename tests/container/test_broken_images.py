"""The checks can fail: each image here has one fault, and its check names it."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.container import checks
from tests.container.containers import Container, production
from tests.container.engine import Engine
from tests.container.images import ROOT, build

pytestmark = pytest.mark.container

Breaker = Callable[[str, str], str]


@pytest.fixture
def broken(engine: Engine, image: str) -> Iterator[Breaker]:
    """Builds the Dockerfile with a pattern replaced; returns the image's name."""
    tag = f"{image}-broken"

    def break_it(pattern: str, replacement: str) -> str:
        original = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        edited, count = re.subn(pattern, replacement, original, flags=re.MULTILINE)
        assert count == 1, f"{pattern} matched {count} times"
        build(engine, tag, edited)
        return tag

    yield break_it
    engine.run("podman", "rmi", "--force", tag)


def test_an_image_that_names_no_user_is_rejected(engine: Engine, broken: Breaker) -> None:
    image = broken(r"^USER .*\n", "")
    with pytest.raises(checks.BrokenImageError, match="user is ''"):
        checks.runs_without_root(engine, image)


def test_an_image_whose_user_is_root_is_rejected(engine: Engine, broken: Breaker) -> None:
    image = broken(r"^USER .*$", "USER 0:0")
    with pytest.raises(checks.BrokenImageError, match="user is '0:0'"):
        checks.runs_without_root(engine, image)


def test_an_image_without_a_health_check_is_rejected(engine: Engine, broken: Breaker) -> None:
    image = broken(r"^HEALTHCHECK .*\n", "")
    with pytest.raises(checks.BrokenImageError, match="health check is None"):
        checks.declares_health_check(engine, image)


def test_a_health_check_that_always_passes_is_rejected(engine: Engine, broken: Breaker) -> None:
    image = broken(r"^(HEALTHCHECK .*)bin/healthcheck", r"\1true")
    with pytest.raises(checks.BrokenImageError, match="although no service runs"):
        checks.health_check_notices_absence(engine, image)


def test_an_image_with_a_compiler_is_rejected(engine: Engine, broken: Breaker) -> None:
    image = broken(r"^USER ", r"RUN install /bin/true /usr/local/bin/gcc\n\g<0>")
    with pytest.raises(checks.BrokenImageError, match="It holds /usr/local/bin/gcc"):
        checks.holds_only_what_it_needs(engine, image)


def test_a_start_script_that_does_not_become_the_server_is_rejected(
    engine: Engine, broken: Breaker, database_url: str
) -> None:
    image = broken(r"^USER ", r"RUN sed -i 's/exec //' bin/python\n\g<0>")
    with Container(engine, image, production(database_url)) as container:
        container.wait_until_healthy()
        with pytest.raises(checks.BrokenImageError, match=r"PID 1 is '/bin/sh bin/start'"):
            checks.server_is_first_process(container)
        with pytest.raises(checks.BrokenImageError, match="exit code 137"):
            checks.ends_in_time(container, patience=2)
