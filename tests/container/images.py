"""Makes the base image and builds the Dockerfile on it."""

import datetime as dt
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.container import host_python, pip_settings
from tests.container.engine import Engine, EngineError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BASE = "docker.io/library/python:3.14-slim"
RECIPE = (HERE / "make_base.sh", HERE / "add_python.sh")


def ensure_base(engine: Engine, note: Path, say: Callable[[str], None]) -> None:
    """Makes the base image unless this week's is there already; note remembers what it was made of.

    A new week or recipe starts from nothing, so that what the storage keeps never grows old or large.
    """
    prefix = host_python.find_prefix()
    year, week, _ = dt.datetime.now(tz=dt.UTC).isocalendar()
    recipe = hashlib.sha256(b"".join(file.read_bytes() for file in RECIPE)).hexdigest()
    wanted = f"{year}-{week} {prefix} {recipe}"
    if note.exists() and note.read_text(encoding="utf-8") == wanted and engine.has_image(BASE):
        say("base image: this week's is still there")
        return
    engine.run("podman", "rmi", "--all", "--force")
    say(f"base image: making one with {_described(prefix)} ...")
    try:
        _make_base(engine, prefix)
    except EngineError as error:
        if prefix == "debian":
            raise
        say(f"base image: that Python does not run in Debian 12; taking {_described('debian')} ...\n{error}")
        _make_base(engine, "debian")
    note.write_text(wanted, encoding="utf-8")


def build(engine: Engine, tag: str, dockerfile: str, *, context: Path = ROOT) -> None:
    """Builds the Dockerfile whose text is given; layers it shares with an earlier build are not built again.

    Raises:
        EngineError: with the end of the build's output.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        file = Path(folder) / "Dockerfile"
        file.write_text(dockerfile, encoding="utf-8")
        volumes = [f"--volume={volume}" for volume in pip_settings.mounts(home)]
        engine.run(
            "buildah",
            "bud",
            "--pull-never",
            "--isolation=chroot",
            "--layers",
            # The OCI format has no place for HEALTHCHECK and drops it without a word.
            "--format=docker",
            *volumes,
            f"--file={file}",
            f"--tag={tag}",
            str(context),
            timeout=900,
        )


def _make_base(engine: Engine, prefix: str) -> None:
    engine.run(str(HERE / "make_base.sh"), BASE, prefix, timeout=600)


def _described(prefix: str) -> str:
    return "Debian's Python 3.14" if prefix == "debian" else f"the Python 3.14 of {prefix}"
