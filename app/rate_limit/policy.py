"""What is limited, and what a store answers when asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.rate_limit.gcra import Limit


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit, and the name that clients and metrics know it by."""

    name: str
    limit: Limit


class Decision(NamedTuple):
    """Whether the request may pass, and the client's debt (nanoseconds) with each policy, in their order.

    A request passes when all its policies admit it, and then owes to each; otherwise it owes to none.
    """

    is_admitted: bool
    debts: Sequence[int]


class Store(Protocol):
    """Keeps the debts of clients, each of whom is known by some bytes."""

    def spend(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none when one of them refuses."""

    def peek(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """What `spend` would decide, charging nothing: for requests that cost only when they fail."""

    def close(self) -> None:
        """Ends what belongs to this process alone."""
