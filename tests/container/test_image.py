"""The image as built, before anything runs in it."""

import configparser
from collections.abc import Callable

import pytest

from tests.container import checks
from tests.container.containers import idle
from tests.container.engine import Engine
from tests.container.images import BASE, ROOT

pytestmark = pytest.mark.container


def test_it_runs_without_root(engine: Engine, image: str) -> None:
    checks.runs_without_root(engine, image)


def test_it_declares_the_health_check_of_the_deployment_guide(engine: Engine, image: str) -> None:
    checks.declares_health_check(engine, image)


def test_its_health_check_fails_where_no_service_runs(engine: Engine, image: str) -> None:
    checks.health_check_notices_absence(engine, image)


def test_it_holds_no_compiler_no_caches_and_only_what_the_service_needs(engine: Engine, image: str) -> None:
    checks.holds_only_what_it_needs(engine, image)


def test_it_leaves_every_setting_of_the_service_to_the_operator(engine: Engine, image: str) -> None:
    names = {entry.partition("=")[0] for entry in engine.inspect("image", image)["Config"]["Env"]}
    assert names == {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}


def test_it_is_stopped_with_sigterm_and_serves_port_3000(engine: Engine, image: str) -> None:
    config = engine.inspect("image", image)["Config"]
    assert config["StopSignal"] == "SIGTERM"
    assert list(config["ExposedPorts"]) == ["3000/tcp"]


def test_its_label_names_the_version_of_setup_cfg(engine: Engine, image: str) -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    labels = engine.inspect("image", image)["Labels"]
    assert labels["org.opencontainers.image.version"] == setup["metadata"]["version"]
    assert labels["org.opencontainers.image.title"] == setup["metadata"]["name"]


def test_every_module_of_ours_comes_with_its_bytecode(engine: Engine, image: str) -> None:
    script = (
        "for file in $(find app -name '*.py'); do ls ${file%/*}/__pycache__/$(basename $file .py).*.pyc; done"
    )
    with idle(engine, image) as container:
        listed = container.execute("sh", "-c", script).split()
    assert listed


def test_curl_is_there_for_platforms_that_run_it_inside(engine: Engine, image: str) -> None:
    with idle(engine, image) as container:
        assert container.execute("curl", "--version").startswith("curl ")


def test_it_adds_at_most_60_mb_to_the_base(engine: Engine, image: str, say: Callable[[str], None]) -> None:
    """Of file contents, which is how Docker counts; podman adds what tar puts around each file."""
    # Of folders that even root may not see into, here without its capabilities, none holds anything.
    script = "find / -xdev -type f -printf '%s\\n' 2>/dev/null | awk '{ sum += $1 } END { print sum }'"
    sizes = []
    for name in (image, BASE):
        with idle(engine, name) as container:
            sizes.append(float(container.execute("sh", "-c", script, user="0")) / 1e6)
    whole, added = sizes[0], sizes[0] - sizes[1]
    say(f"image: {whole:.0f} MB, {added:.1f} MB on top of the base")
    assert added <= 60
