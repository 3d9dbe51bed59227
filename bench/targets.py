"""What the page's first table compares, and whether the figures reach what is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.results import Figures, Spread, compared

Rounds = Mapping[str, Sequence[Figures]]
"""The rounds of one case, by server."""
RATE, P99, START = "per_second", "p99", "start"
UNITS = {RATE: "requests a second", P99: "99 of 100 answers within", START: "time until it answers"}


@dataclass(frozen=True, slots=True)
class Target:
    """What our figure, divided by another server's of the same round, should come to.

    Attributes:
        case: the case that both servers were measured with.
        other: the other server.
        bound: of the ratio: the least for a rate, the most for a time.
        figure: what is compared.
    """

    case: str
    other: str
    bound: float
    figure: str = RATE

    @property
    def wanted(self) -> str:
        return f"at {'least' if self.figure == RATE else 'most'} {self.bound:g}"

    def measured(self, rounds: Rounds) -> Spread:
        return compared(rounds, self.other, self.figure)

    def verdict(self, measured: Spread) -> str:
        """Says "met"; or "missed", and by what part of the bound."""
        missing = (measured.median - self.bound) * (-1 if self.figure == RATE else 1)
        return "met" if missing <= 0 else f"**missed** by {missing / self.bound:.0%}"


SIGNED_IN = (("fastify", 0.9), ("fastapi", 2.5), ("gthread", 2.0))
TARGETS = [
    Target("health", "fastify", 1.0),
    Target("health", "gthread", 2.5),
    *(Target("session", other, bound) for other, bound in SIGNED_IN),
    *(Target("verify", other, bound) for other, bound in SIGNED_IN),
    Target("anonymous", "fastify", 0.9),
    Target("refused", "fastify", 0.9),
    Target("health", "gthread", 1.0, P99),
    Target("health64", "gthread", 1.0, P99),
    Target("start", "fastify", 1.2, START),
]
