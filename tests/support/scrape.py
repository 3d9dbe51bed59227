"""Reading a service's metrics as Prometheus does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.metrics_files import PREFIX
from tests.support.service import Service
from tests.support.waiting import until

Series = tuple[str, frozenset[tuple[str, str]]]
MONOTONIC_SUFFIXES = ("_total", "_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one look found: the value of each series."""

    values: Mapping[Series, float]

    @classmethod
    def parse(cls, text: str) -> Self:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
        assert len(values) == len(samples), "a series appears twice"
        return cls(values)

    @property
    def series(self) -> set[Series]:
        return set(self.values)

    def value(self, name: str, **labels: str) -> float:
        """The sum of the series of that name with those labels, among others."""
        values = self.values.items()
        return sum(value for (other, found), value in values if other == name and labels.items() <= found)

    def has(self, name: str, **labels: str) -> bool:
        return any(other == name and labels.items() <= found for other, found in self.values)

    def label_values(self, name: str, label: str) -> set[str]:
        return {dict(found)[label] for other, found in self.values if other == name}

    def fallen_since(self, before: "Scrape") -> list[Series]:
        """Series that may only grow, and are gone or smaller."""
        grown = {
            series: value for series, value in before.values.items() if series[0].endswith(MONOTONIC_SUFFIXES)
        }
        return [series for series, value in grown.items() if self.values.get(series, -1.0) < value]


def scrape(service: Service) -> Scrape:
    answer = requests.get(f"{service.url}/metrics", timeout=10)
    assert answer.status_code == 200, answer.text
    return Scrape.parse(answer.text)


def metrics_folder(service: Service) -> Path:
    """Where the service's workers keep their metrics, as the first one's open files tell."""

    def find() -> Path | None:
        worker: psutil.Process = service.workers()[0]
        files = [Path(entry.path) for entry in worker.memory_maps()]
        return next((file.parent for file in files if file.parent.name.startswith(PREFIX)), None)

    found = until(find, seconds=10, what="a worker with metrics")
    assert found
    return found


def metrics_files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}
