"""The figures of a run. A JSON file keeps them, so that you can repeat one part and write the whole page."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.build import DATA

FILE = DATA / "results.json"
Figures = dict[str, float]


@dataclass(slots=True)
class Results:
    """Everything that was measured. Each round adds one set of figures to each list.

    Attributes:
        machine: what the page says about the machine and the run.
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
        """The figures in the file; none if there is no file."""
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def write(self, path: Path = FILE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1))


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the lowest and the highest of all rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def text(self, digits: int = 0, scale: float = 1) -> str:
        """The median, with the lowest and the highest in brackets."""
        middle, low, high = (f"{scale * value:,.{digits}f}" for value in (self.median, self.low, self.high))
        dash = " to " if self.low < 0 else "–"
        return f"{middle} ({low}{dash}{high})"


def column(rounds: Sequence[Figures], name: str) -> list[float]:
    return [figures[name] for figures in rounds]


def ratio(ours: float, theirs: float) -> float:
    return ours / theirs


def compared(
    rounds: Mapping[str, Sequence[Figures]],
    other: str,
    name: str,
    combine: Callable[[float, float], float] = ratio,
) -> Spread:
    """Our figure beside another server's of the same round, over all rounds of a case."""
    ours, theirs = column(rounds["ours"], name), column(rounds[other], name)
    return Spread.of([combine(a, b) for a, b in zip(ours, theirs, strict=True)])


def rounds_of(table: Mapping[str, Mapping[str, list[Figures]]]) -> str:
    """The number of rounds, or its range when several runs measured the parts."""
    counts = {len(rounds) for servers in table.values() for rounds in servers.values()}
    return str(*counts) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
