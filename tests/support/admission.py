"""How many requests a limit has to let through, and how many it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.load import Outcome

ADMITTED = 200
REFUSED = 429


@dataclass(frozen=True, slots=True)
class Admission:
    """What a client that always asked for more was given.

    A decision falls somewhere between sending and answer, so the time from the first decision to the last is
    known as a range; it is as wide as two requests take.

    Attributes:
        admitted: requests that were let through.
        shortest: seconds from the first decision to the last, at least.
        longest: and at most.
    """

    admitted: int
    shortest: float
    longest: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Admission":
        answered = [outcome for outcome in outcomes if outcome.status is not None]
        first_end = min(outcome.sent_at + outcome.seconds for outcome in answered)
        last_sent = max(outcome.sent_at for outcome in answered)
        return cls(
            admitted=sum(outcome.status == ADMITTED for outcome in answered),
            shortest=last_sent - first_end,
            longest=max(o.sent_at + o.seconds for o in answered) - min(o.sent_at for o in outcomes),
        )

    def most(self, burst: int, rate: float) -> float:
        """What burst + rate x time allows, and one more."""
        return burst + rate * self.longest + 1

    def least(self, burst: int, rate: float) -> float:
        """What burst + rate x time demands, and one less."""
        return burst + rate * self.shortest - 1
