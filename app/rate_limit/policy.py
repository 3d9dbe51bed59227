"""What is limited, and what a store decides."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from app.rate_limit.gcra import Limit

FACTORS = (1, 4, 16)
"""How many times the limit the client, a network around it, and one around that may spend."""

Client = Sequence[bytes]
"""The key of the client, then of the networks around it, from the smallest to the largest, if it has any."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit and its name, which headers and metrics show.

    Attributes:
        limits: for the keys of a client: the limit, then what the networks around it may spend.
    """

    name: str
    limit: Limit
    limits: tuple[Limit, ...] = field(init=False)

    def __post_init__(self) -> None:
        limits = tuple(Limit(self.limit.count * factor, self.limit.seconds) for factor in FACTORS)
        object.__setattr__(self, "limits", limits)


class Decision(NamedTuple):
    """Whether a request may pass, and the debts (nanoseconds): for each policy, of all the client's keys.

    A request passes if all its policies admit it for all keys. It is then charged to all, otherwise to none.
    """

    is_admitted: bool
    debts: Sequence[int]

    def standings(self, policies: Sequence[Policy]) -> list[tuple[Limit, int]]:
        """For each policy the limit, and the debt under it, that decides.

        It is the one that makes the client wait longest or, if none does, leaves it fewest requests.
        """
        keys = len(self.debts) // len(policies)
        if keys == 1:
            return [(policy.limit, debt) for policy, debt in zip(policies, self.debts, strict=True)]
        return [
            min(
                zip(policy.limits, self.debts[number * keys : (number + 1) * keys], strict=False),
                key=lambda standing: (-standing[0].wait(standing[1]), standing[0].remaining(standing[1])),
            )
            for number, policy in enumerate(policies)
        ]


class Store(Protocol):
    """Keeps the debts of clients."""

    def spend(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses."""

    def peek(self, client: Client, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing: for requests that are charged only if they fail."""

    def give_back(self, client: Client, policies: Sequence[Policy]) -> None:
        """Takes one charge back from all policies; nobody gets more than a full quota by it."""

    def close(self) -> None:
        """Closes what belongs to this process only."""
