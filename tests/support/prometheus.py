"""A real Prometheus, scraping what a test runs; and promtool, which comes with it."""

import subprocess
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.support.service import ROOT, free_port
from tests.support.waiting import until


class Prometheus(AbstractContextManager["Prometheus"]):
    """Debian's `prometheus` over a configuration.

    Args:
        configuration: the text of prometheus.yml.
        folder: where that file is written, and what its relative paths start from.
    """

    def __init__(self, configuration: str, folder: Path) -> None:
        self._configuration = configuration
        self._folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        file = self._folder / "prometheus.yml"
        file.write_text(self._configuration, encoding="utf-8")
        self._data = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={self._data.name}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: requests.get(f"{self.url}/-/ready", timeout=2).ok, seconds=30, what="Prometheus")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._data.cleanup()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an instant query finds; fails when it is not valid."""
        result: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        groups = self._get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self._get("targets")["activeTargets"]
        return targets

    def _get(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]


def promtool(*arguments: str | Path, text: str = "") -> str:
    """What promtool printed, at the root of the repository; fails when it was not content."""
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=text,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
