"""What every image of ours must be. The same functions judge the real image and the broken ones.

Each returns when the image is right and raises BrokenImageError with one sentence when it is not.
"""

import re

from tests.container.containers import Container, idle
from tests.container.engine import Engine
from tests.container.images import ROOT

SECOND = 1_000_000_000
# The deployment guide's figures.
HEALTH_CHECK = {
    "Test": ["CMD", "bin/healthcheck"],
    "Interval": 30 * SECOND,
    "Timeout": 10 * SECOND,
    "StartPeriod": 40 * SECOND,
    "Retries": 3,
}
UNWANTED = r"""
    for program in as c++ cc g++ gcc ld make; do command -v "$program"; done
    ls -d .venv/bin/pip .venv/lib/python3.*/site-packages/pip 2>/dev/null
    find / -xdev \( -path '*/.cache/*' -o -name pip.conf -o -name authorities.pem \
        -o -path '/var/cache/apt/archives/*.deb' -o -path '/var/lib/apt/lists/*Packages*' \) 2>/dev/null
    true
"""
CONTENTS = {".venv", "app", "bin", "setup.cfg", "sql"}
COMMANDS = {"healthcheck", "migrate", "python", "secret", "sessions", "start", "users"}
COMMANDS &= {path.name for path in (ROOT / "bin").iterdir()}


class BrokenImageError(Exception):
    """The image is not what it must be."""


def runs_without_root(engine: Engine, image: str) -> None:
    """A number rather than a name lets orchestrators see without looking inside that it is not root."""
    user = str(engine.inspect("image", image)["Config"].get("User", ""))
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        raise BrokenImageError(f"The image's user is {user!r}, not the numbers of one without privileges.")
    with idle(engine, image) as container:
        identity = container.execute("id")
    if "uid=0(" in identity or "gid=0(" in identity:
        raise BrokenImageError(f"It runs as root: {identity}.")


def declares_health_check(engine: Engine, image: str) -> None:
    declared = engine.inspect("image", image).get("Healthcheck")
    if declared != HEALTH_CHECK:
        raise BrokenImageError(f"The image's health check is {declared}.")


def health_check_notices_absence(engine: Engine, image: str) -> None:
    """Runs the check where no service is; it must not call that healthy."""
    with idle(engine, image) as container:
        state = container.check_health()
    if state == "healthy":
        raise BrokenImageError("The health check succeeds although no service runs.")


def server_is_first_process(container: Container) -> None:
    """Only PID 1 gets the SIGTERM of a stop; the container must be healthy already."""
    first = container.first_process()
    if not first.endswith("-m app.server.main"):
        raise BrokenImageError(f"PID 1 is {first!r}, not the server.")


def ends_in_time(container: Container, patience: int = 25) -> None:
    """Stops the container, which must be healthy; platforms send SIGKILL after 30 s or less."""
    code, seconds = container.stop(patience)
    if code != 0:
        raise BrokenImageError(f"SIGTERM ended it with exit code {code} after {seconds:.0f} s.")


def holds_only_what_it_needs(engine: Engine, image: str) -> None:
    with idle(engine, image) as container:
        unwanted = container.execute("sh", "-c", UNWANTED, user="0").split()
        contents = set(container.execute("ls", "-A", "/app").split())
        commands = set(container.execute("ls", "-A", "/app/bin").split())
        writable = container.execute("find", "/app", "-not", "-type", "l", "-writable").split()
    if unwanted:
        raise BrokenImageError(f"It holds {', '.join(unwanted)}.")
    if contents != CONTENTS or commands != COMMANDS:
        raise BrokenImageError(f"It holds {sorted(contents)} and the commands {sorted(commands)}.")
    if writable:
        raise BrokenImageError(f"The service could rewrite {', '.join(writable[:5])}.")
