"""The generic cell rate algorithm (ITU-T I.371, annex A): a token bucket that is one timestamp.

The timestamp is when the bucket will be full again (I.371: the theoretical arrival time); each admitted
request moves it into the future. What lies ahead of now is the client's debt. All times are nanoseconds.
"""

from dataclasses import dataclass, field

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds; all of them may come at once.

    Attributes:
        interval: what one request costs, rounded up, so that never more than `count` are admitted.
        capacity: the most debt there can be, reached by `count` requests at once.
    """

    count: int
    seconds: int
    interval: int = field(init=False)
    capacity: int = field(init=False)

    def __post_init__(self) -> None:
        interval = -(-self.seconds * NANOSECONDS // self.count)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "capacity", interval * self.count)

    def debt(self, full_at: int, now: int) -> int:
        """What is ahead of now; beyond the capacity there is only an older limit, or a clock put back."""
        return min(max(full_at - now, 0), self.capacity)

    def admits(self, debt: int) -> bool:
        """Whether one more request may come."""
        return debt + self.interval <= self.capacity

    def remaining(self, debt: int) -> int:
        """How many requests may come at once."""
        return max(self.capacity - debt, 0) // self.interval

    def wait(self, debt: int) -> int:
        """How long until one more request may come; 0 when it may now."""
        return max(debt + self.interval - self.capacity, 0)
