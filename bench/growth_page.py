"""The page's part about what grows, and its plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.charts import LinePanel, line_chart
from bench.results import Figures, Results, Spread, column, rounds_of

PLOT = "benchmarks-growth.svg"
REQUESTS = [
    ("per_second", "requests a second", 0),
    ("cpu", "CPU µs a request", 0),
    ("p50", "p50, ms", 1),
    ("p99", "p99, ms", 1),
]


@dataclass(frozen=True, slots=True)
class Part:
    """A table, and what of it is plotted.

    Attributes:
        name: in results.
        first: the heading of the sizes' column.
        columns: figure, heading, digits.
        plotted: figure and title of its panels.
    """

    name: str
    first: str
    columns: Sequence[tuple[str, str, int]]
    plotted: Sequence[tuple[str, str]]


PARTS = [
    Part("sessions", "sessions in the table", REQUESTS, [("per_second", "requests a second")]),
    Part("connections", "connections", REQUESTS, [("per_second", "requests a second"), ("p99", "p99, ms")]),
    Part("workers", "workers", [*REQUESTS, ("memory", "memory, MiB", 0)], [("memory", "memory, MiB")]),
    Part(
        "keys",
        "clients the limiter knows",
        [("decision", "a decision, µs", 1), ("decision_p99", "99 of 100 within, µs", 1)],
        [("decision", "a limiter's decision, µs")],
    ),
    Part(
        "migrations",
        "migration files",
        [
            ("nothing_pending", "`bin/migrate`, nothing pending, ms", 0),
            ("status", "`bin/migrate status`, ms", 0),
            ("apply", "`bin/migrate`, all pending, ms", 0),
        ],
        [("nothing_pending", "nothing to migrate, ms")],
    ),
]


def tables(results: Results) -> str:
    """One for each part that was measured."""
    days = sorted({day for name, day in results.dates.items() if name in results.growth})
    rounds = rounds_of(results.growth)
    blocks = [f"Measured {' and '.join(days)}, rounds: {rounds}. Median (lowest to highest)."]
    blocks += [_table(part, results.growth[part.name]) for part in PARTS if results.growth.get(part.name)]
    return "\n\n".join(blocks)


def _table(part: Part, by_size: Mapping[str, list[Figures]]) -> str:
    headings = [part.first, *(heading for _, heading, _ in part.columns)]
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for size, rounds in by_size.items():
        cells = [Spread.of(column(rounds, key)).text(digits) for key, _, digits in part.columns]
        lines.append(f"| {' | '.join([f'{int(size):,}', *cells])} |")
    return "\n".join(lines)


def plot(results: Results) -> str:
    """A panel for each plotted figure."""
    panels = [
        LinePanel(
            title,
            part.first,
            [(int(size), Spread.of(column(rounds, key))) for size, rounds in by_size.items()],
        )
        for part in PARTS
        for key, title in part.plotted
        if (by_size := results.growth.get(part.name))
    ]
    return line_chart("What grows, and what it costs: median, lowest to highest", panels)
