"""The page's section about growth, and its plot."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.charts import Chart, Panel
from bench.results import Results, Spread, column, rounds_of

PLOT = "benchmarks-growth.svg"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that grows, and the figures that the page shows of it.

    Attributes:
        name: its name in the results.
        title: what grows.
        figures: for each its name in the results, its title and its digits after the point.
    """

    name: str
    title: str
    figures: Sequence[tuple[str, str, int]]


PER_SECOND = ("per_second", "requests a second", 0)
P99 = ("p99", "p99, ms", 1)
PARTS = [
    Part("sessions", "sessions in the table", [PER_SECOND, P99]),
    Part("connections", "connections", [PER_SECOND, P99]),
    Part("workers", "workers on one core", [PER_SECOND, ("memory", "memory, MiB", 0)]),
    Part("keys", "clients of the limiter", [("decision", "a decision, µs", 1)]),
    Part(
        "migrations",
        "migration files",
        [("nothing_pending", "none pending, ms", 0), ("apply", "all pending, ms", 0)],
    ),
]


def table(results: Results) -> str:
    """The first figure of each part at its smallest size and at its largest. The plot has all sizes."""
    days = sorted({day for name, day in results.dates.items() if name in results.growth})
    lines = [
        f"Measured {' and '.join(days)}, rounds: {rounds_of(results.growth)}.",
        "",
        "| | | from | to |",
        "|---|---|---|---|",
    ]
    for part in _measured_parts(results):
        sizes = _sizes(results, part)
        key, title, digits = part.figures[0]
        first, last = (_spread(results, part, size, key).text(digits) for size in (sizes[0], sizes[-1]))
        lines.append(f"| {sizes[0]:,} to {sizes[-1]:,} {part.title} | {title} | {first} | {last} |")
    return "\n".join(lines)


def chart(results: Results) -> Chart:
    """A panel for each figure, with all sizes."""
    panels = [
        Panel(
            title,
            [short(size) for size in _sizes(results, part)],
            [_spread(results, part, size, key) for size in _sizes(results, part)],
            digits,
            x_title=part.title,
        )
        for part in _measured_parts(results)
        for key, title, digits in part.figures
    ]
    return Chart("What growth costs: median, lowest to highest round", "lines", panels)


def short(size: int) -> str:
    """1000 as 1k, a million as 1M."""
    for factor, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= factor:
            return f"{size // factor}{letter}"
    return str(size)


def _measured_parts(results: Results) -> list[Part]:
    return [part for part in PARTS if results.growth.get(part.name)]


def _sizes(results: Results, part: Part) -> list[int]:
    return [int(size) for size in results.growth[part.name]]


def _spread(results: Results, part: Part, size: int, key: str) -> Spread:
    return Spread.of(column(results.growth[part.name][str(size)], key))
