"""Keeps the limits in Redis, for all replicas: the same algorithm in one script."""

from collections.abc import Sequence

from app.rate_limit.policy import Decision, Policy
from app.rate_limit.redis_link import RedisLink

SCRIPT = """\
-- KEYS: when the client's buckets will be full again, in microseconds. ARGV: whether to charge, then the
-- interval and the capacity of each policy. Returns whether all policies admit it, then the debts.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debts, admitted = {1}, true
for number, key in ipairs(KEYS) do
    local interval, capacity = tonumber(ARGV[2 * number]), tonumber(ARGV[2 * number + 1])
    local debt = math.max((redis.call('GET', key) or 0) - now, 0)
    if debt > capacity then
        -- An older limit left it, or the clock was put back.
        debt = capacity
        redis.call('SET', key, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
    end
    debts[number + 1] = debt
    admitted = admitted and debt + interval <= capacity
end
if not admitted then
    debts[1] = 0
elseif ARGV[1] == '1' then
    for number, key in ipairs(KEYS) do
        local debt = debts[number + 1] + ARGV[2 * number]
        debts[number + 1] = debt
        redis.call('SET', key, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
    end
end
return debts
"""
CHECK = ("rate-limit:check",), (1, 1000, 1000)
"""A key and arguments to try the script with. It writes, so a read-only Redis fails the trial."""

NANOSECONDS_PER_MICROSECOND = 1000
"""Redis's clock counts microseconds."""


class RedisStore:
    """Keeps one key for each client and policy, which expires when the bucket is full again."""

    def __init__(self, link: RedisLink, policies: Sequence[Policy]) -> None:
        self._link = link
        self._numbers: dict[str, tuple[int, int]] = {}
        for policy in policies:
            interval = -(-policy.limit.interval // NANOSECONDS_PER_MICROSECOND)
            self._numbers[policy.name] = interval, interval * policy.limit.count

    def spend(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses.

        Raises:
            RedisAwayError: Redis gave no usable answer, or not in time.
        """
        return self._decide(client, policies, charges=True)

    def peek(self, client: bytes, policies: Sequence[Policy]) -> Decision:
        """Decides as `spend` would, and charges nothing.

        Raises:
            RedisAwayError: Redis gave no usable answer, or not in time.
        """
        return self._decide(client, policies, charges=False)

    def close(self) -> None:
        self._link.close()

    def _decide(self, client: bytes, policies: Sequence[Policy], *, charges: bool) -> Decision:
        # The braces are a hash tag: a cluster keeps the client's keys on one server.
        keys = [f"rate-limit:{{{client.hex()}}}:{policy.name}" for policy in policies]
        numbers = [int(charges)]
        for policy in policies:
            numbers += self._numbers[policy.name]
        is_admitted, *debts = self._link.run(keys, numbers)
        return Decision(bool(is_admitted), [debt * NANOSECONDS_PER_MICROSECOND for debt in debts])
