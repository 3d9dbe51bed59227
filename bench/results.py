"""The figures of a run, kept as JSON so that a part can be repeated and the page written anew."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.build import DATA

FILE = DATA / "results.json"
Figures = dict[str, float]


@dataclass(slots=True)
class Results:
    """What was measured, one figure of each kind a round.

    Attributes:
        machine: what the page says of it.
        comparison: figures by case, server and round.
        growth: figures by part, size and round.
        dates: when each case or part was measured.
    """

    machine: dict[str, str] = field(default_factory=dict)
    comparison: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    growth: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = FILE) -> "Results":
        """What was kept; nothing when nothing was."""
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def write(self, path: Path = FILE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1))


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between the lowest and the highest of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def text(self, digits: int = 0, scale: float = 1) -> str:
        middle, low, high = (f"{scale * value:,.{digits}f}" for value in (self.median, self.low, self.high))
        return f"{middle} ({low} to {high})"


def column(rounds: list[Figures], name: str) -> list[float]:
    return [figures[name] for figures in rounds]


def rounds_of(table: Mapping[str, Mapping[str, list[Figures]]]) -> str:
    """How many there were; of several runs the least and the most."""
    counts = {len(rounds) for servers in table.values() for rounds in servers.values()}
    return str(*counts) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
