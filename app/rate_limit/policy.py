"""What is limited, and what a store decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.rate_limit.gcra import Limit


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit and its name, which headers and metrics show."""

    name: str
    limit: Limit


class Decision(NamedTuple):
    """Whether a request may pass, and the client's debts (nanoseconds) in the order of the policies.

    A request passes if all its policies admit it. It is then charged to all of them, otherwise to none.
    """

    is_admitted: bool
    debts: Sequence[int]


class Store(Protocol):
    """Keeps the debts of clients. A client is a string of bytes."""

    def spend(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses."""

    def peek(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing: for requests that are charged only if they fail."""

    def close(self) -> None:
        """Closes what belongs to this process only."""
