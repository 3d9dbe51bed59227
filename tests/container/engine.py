"""podman and buildah, on a storage of their own: no image or container of the user's is seen or removed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

STORAGE_CONF = """[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


class EngineError(Exception):
    """A podman or buildah command failed; the message ends with what it wrote."""


class Engine:
    """Runs container commands; folder keeps their images from one test run to the next."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "storage.conf"
        wanted = STORAGE_CONF.format(folder=folder)
        if settings.exists() and settings.read_text(encoding="utf-8") != wanted:
            # The repository was moved or copied; podman refuses a storage that was made elsewhere.
            shutil.rmtree(folder / "storage", ignore_errors=True)
            shutil.rmtree(folder / "run", ignore_errors=True)
        settings.write_text(wanted, encoding="utf-8")
        self._environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": str(settings),
            # podman would ask systemd for a timer per health check; the tests run the check themselves.
            "DISABLE_HC_SYSTEMD": "true",
        }

    def attempt(self, *command: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Returns what became of the command, whatever its exit code."""
        return subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run(self, *command: str, timeout: float = 120) -> str:
        """Returns the command's output.

        Raises:
            EngineError: when it exits other than 0.
        """
        outcome = self.attempt(*command, timeout=timeout)
        if outcome.returncode != 0:
            said = (outcome.stdout + outcome.stderr)[-3000:]
            raise EngineError(f"{' '.join(command[:3])} exited {outcome.returncode}:\n{said}")
        return outcome.stdout.strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """Returns what podman knows about an image or a container, by its kind and name."""
        first: dict[str, Any] = json.loads(self.run("podman", kind, "inspect", name))[0]
        return first

    def has_image(self, name: str) -> bool:
        return self.attempt("podman", "image", "exists", name).returncode == 0
