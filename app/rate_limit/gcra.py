"""The generic cell rate algorithm (ITU-T I.371, annex A): a token bucket kept as one timestamp.

The timestamp says when the bucket will be full again (I.371: the theoretical arrival time). Each admitted
request moves it further into the future. Its distance from now is the client's debt. Times are nanoseconds.
"""

from dataclasses import dataclass, field

NANOSECONDS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in `seconds` seconds; all of them may come at once.

    Attributes:
        interval: the cost of one request, rounded up, so that never more than `count` are admitted.
        capacity: the highest debt, which `count` requests at once reach.
    """

    count: int
    seconds: int
    interval: int = field(init=False)
    capacity: int = field(init=False)

    def __post_init__(self) -> None:
        interval = -(-self.seconds * NANOSECONDS_PER_SECOND // self.count)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "capacity", interval * self.count)

    def debt(self, full_at: int, now: int) -> int:
        """The debt at a time. It is capped, as an older limit may have left more."""
        return min(max(full_at - now, 0), self.capacity)

    def admits(self, debt: int) -> bool:
        """Whether one more request may come."""
        return debt + self.interval <= self.capacity

    def remaining(self, debt: int) -> int:
        """How many requests may come at once."""
        return max(self.capacity - debt, 0) // self.interval

    def wait(self, debt: int) -> int:
        """How long until one more request may come; 0 where it may come now."""
        return max(debt + self.interval - self.capacity, 0)
