"""The targets of the page, and whether the figures reach them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.results import Figures, Spread, compared, ratio

Rounds = Mapping[str, Sequence[Figures]]
"""The rounds of one case, by server."""


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for what comes of comparing our figure with another server's.

    Attributes:
        sentence: what is compared, as the page says it.
        case: the case that both servers were measured with.
        other: the other server.
        figure: the figure that is compared.
        combine: makes one number of ours and theirs.
        bound: the limit of that number.
        is_minimum: the number must be at least the bound; otherwise it may be at most the bound.
        digits: of the number, after the decimal point.
    """

    sentence: str
    case: str
    other: str
    figure: str
    combine: Callable[[float, float], float]
    bound: float
    is_minimum: bool
    digits: int = 2

    def measured(self, rounds: Rounds) -> Spread:
        return compared(rounds, self.other, self.figure, self.combine)

    def verdict(self, measured: Spread) -> str:
        """Says "met"; or "missed", and by what part of the bound."""
        difference = measured.median - self.bound
        missing = -difference if self.is_minimum else difference
        return "met" if missing <= 0 else f"**missed** by {missing / self.bound:.0%}"


def _difference(ours: float, theirs: float) -> float:
    return ours - theirs


TARGETS = [
    Target(
        "`/health`, beside a bare WSGI callable",
        case="health",
        other="bare",
        figure="per_second",
        combine=ratio,
        bound=0.8,
        is_minimum=True,
    ),
    Target(
        "`/auth/session`, beside Flask",
        case="session",
        other="flask",
        figure="per_second",
        combine=ratio,
        bound=1.5,
        is_minimum=True,
    ),
    Target(
        "`/auth/session`, beside FastAPI",
        case="session",
        other="fastapi",
        figure="per_second",
        combine=ratio,
        bound=1.0,
        is_minimum=True,
    ),
    Target(
        "`/auth/session`, µs of CPU beyond a bare callable with the same SQL",
        case="session",
        other="query",
        figure="cpu",
        combine=_difference,
        bound=60,
        is_minimum=False,
        digits=0,
    ),
    Target(
        "`bin/start` until it answers, beside a bare Falcon app",
        case="start",
        other="falcon",
        figure="start",
        combine=ratio,
        bound=1.5,
        is_minimum=False,
    ),
]
