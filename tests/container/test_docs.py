"""What the operators' pages have typed on the server, with podman in Docker's place."""

import os
from pathlib import Path

import pytest

from tests.container.containers import PODMAN, Container, production
from tests.container.engine import Engine
from tests.support.pages import Block, Page

pytestmark = pytest.mark.container

ON_THE_SERVER = [
    block
    for name in ("deploy-coolify", "operations")
    for block in Page(f"{name}.md").all_blocks()
    if block.needs
]
# The options are what podman asks of a machine without CAP_SYS_RESOURCE.
DOCKER = f"""\
#!/bin/sh
case "$1" in
run) shift; exec {" ".join(PODMAN)} run --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 "$@" ;;
*) exec {" ".join(PODMAN)} "$@" ;;
esac
"""


def type_on_the_server(engine: Engine, folder: Path, line: str) -> str:
    """Returns what the line prints, which has to succeed; whatever it asks is answered with yes."""
    docker = folder / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    script = f'cd "{folder}"; export PATH="{folder}{os.pathsep}$PATH"; echo y | {line}'
    return engine.run("bash", "-euo", "pipefail", "-c", script)


@pytest.mark.parametrize("block", ON_THE_SERVER, ids=str)
def test_what_is_typed_on_the_server_works(
    block: Block, engine: Engine, image: str, database_url: str, tmp_path: Path
) -> None:
    variables = [f"{name}={value}\n" for name, value in production(database_url).items()]
    (tmp_path / "variables.env").write_text("".join(variables))
    with Container(engine, image, production(database_url)) as container:
        container.wait_until_healthy()
        for command in block.commands():
            # What prunes gets a storage of its own.
            asked = Engine(tmp_path / "storage") if "prune" in command.line else engine
            line = command.line.replace("IMAGE:COMMIT", image).replace("--network coolify", "--network host")
            printed = type_on_the_server(asked, tmp_path, line)
            if "bin/migrate" in line:
                assert "Database is up to date" in printed
            if "ps" in line.split():
                assert container.name in printed
