"""What the figures must reach, and whether they do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.results import Figures, Spread, column

Rounds = Mapping[str, Sequence[Figures]]
"""Of one case, by server."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for a figure of ours beside one of another server, round by round.

    Attributes:
        sentence: on the page.
        case: where both were measured.
        other: the other server.
        figure: which of their figures.
        combined: what is made of ours and theirs.
        bound: of that.
        is_least: whether it is the least allowed; else the most.
        unit: of it.
    """

    sentence: str
    case: str
    other: str
    figure: str
    combined: Callable[[float, float], float]
    bound: float
    is_least: bool
    unit: str = "times"

    def measured(self, rounds: Rounds) -> Spread:
        ours, theirs = (column(list(rounds[server]), self.figure) for server in ("ours", self.other))
        return Spread.of([self.combined(a, b) for a, b in zip(ours, theirs, strict=True)])

    def verdict(self, measured: Spread) -> str:
        """Met; or missed, and by how much of the bound."""
        difference = measured.median - self.bound
        missing = -difference if self.is_least else difference
        return "met" if missing <= 0 else f"**missed** by {missing / self.bound:.0%}"


def _ratio(ours: float, theirs: float) -> float:
    return ours / theirs


def _difference(ours: float, theirs: float) -> float:
    return ours - theirs


TARGETS = [
    Target(
        "`/health`, requests a second, beside the bare WSGI callable",
        case="health",
        other="bare",
        figure="per_second",
        combined=_ratio,
        bound=0.8,
        is_least=True,
    ),
    Target(
        "`/auth/session`, requests a second, beside Flask",
        case="session",
        other="flask",
        figure="per_second",
        combined=_ratio,
        bound=1.5,
        is_least=True,
    ),
    Target(
        "`/auth/session`, requests a second, beside FastAPI",
        case="session",
        other="fastapi",
        figure="per_second",
        combined=_ratio,
        bound=1.0,
        is_least=True,
    ),
    Target(
        "`/auth/session`, CPU time on top of the bare callable with the same SQL",
        case="session",
        other="query",
        figure="cpu",
        combined=_difference,
        bound=60,
        is_least=False,
        unit="µs",
    ),
    Target(
        "`bin/start` to the first 200, beside gunicorn with a bare Falcon app",
        case="start",
        other="falcon",
        figure="start",
        combined=_ratio,
        bound=1.5,
        is_least=False,
    ),
]
