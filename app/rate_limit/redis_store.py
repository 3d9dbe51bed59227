"""Keeps the limits in Redis, for all replicas: the same algorithm in one script."""

from collections.abc import Sequence

from app.rate_limit.policy import Client, Decision, Policy
from app.rate_limit.redis_link import RedisLink

SCRIPT = """\
-- KEYS: what a key of the client owed at its latest request, in microseconds, and when that was.
-- ARGV: 1 to charge, 0 to look, -1 to take a charge back; then for each of KEYS the interval, the capacity,
-- and the debt that the replica knows of. Returns whether all policies admit the request, then the debts.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function write(key, debt)
    if debt > 0 then
        redis.call('SET', key, string.format('%.0f %.0f', debt, now), 'PX', math.ceil(debt / 1000))
    else
        redis.call('DEL', key)
    end
end

local debts, admitted = {1}, true
for number, key in ipairs(KEYS) do
    local interval, capacity = tonumber(ARGV[3 * number - 1]), tonumber(ARGV[3 * number])
    local owed, at = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
    owed, at = tonumber(owed) or 0, tonumber(at) or 0
    local debt = math.max(owed - (now - at), 0)
    if now < at then
        -- The clock was put back, so nobody knows here how much time has passed.
        debt = math.min(owed, tonumber(ARGV[3 * number + 1]))
    end
    if now < at or debt > capacity then
        -- Debts beyond the capacity are an older limit's.
        debt = math.min(debt, capacity)
        write(key, debt)
    end
    debts[number + 1] = debt
    admitted = admitted and debt + interval <= capacity
end
if ARGV[1] == '-1' then
    for number, key in ipairs(KEYS) do
        write(key, debts[number + 1] - ARGV[3 * number - 1])
    end
elseif not admitted then
    debts[1] = 0
elseif ARGV[1] == '1' then
    for number, key in ipairs(KEYS) do
        debts[number + 1] = debts[number + 1] + ARGV[3 * number - 1]
        write(key, debts[number + 1])
    end
end
return debts
"""
CHECK = ("rate-limit:check",), (1, 1000, 1000, 0)
"""A key and arguments to try the script with. It writes, so a read-only Redis fails the trial."""

NANOSECONDS_PER_MICROSECOND = 1000
"""Redis's clock counts microseconds."""


class RedisStore:
    """Keeps an entry for each key of a client and policy, which expires when the bucket is full again.

    Redis's clock may jump. After a jump forward, buckets are full too early. After one back, the entries that
    lie in the future owe no more than the replica's own memory knows of, whose clock cannot jump: nobody is
    refused for the jump, and a client gets from a replica no more than its limit.
    """

    def __init__(self, link: RedisLink, policies: Sequence[Policy]) -> None:
        self._link = link
        self._numbers: dict[str, list[tuple[int, int]]] = {}
        for policy in policies:
            intervals = [-(-limit.interval // NANOSECONDS_PER_MICROSECOND) for limit in policy.limits]
            self._numbers[policy.name] = [
                (interval, interval * limit.count)
                for interval, limit in zip(intervals, policy.limits, strict=True)
            ]

    def spend(self, client: Client, policies: Sequence[Policy], known: Sequence[int]) -> Decision:
        """Charges one request to all policies, or to none where one of them refuses.

        Args:
            client: its keys.
            policies: to charge.
            known: the debts that the replica knows of, ordered as a decision's.

        Raises:
            RedisAwayError: Redis gave no usable answer, or not in time.
        """
        return self._decide(client, policies, known, charges=1)

    def peek(self, client: Client, policies: Sequence[Policy], known: Sequence[int]) -> Decision:
        """Decides as `spend` would, and charges nothing.

        Raises:
            RedisAwayError: Redis gave no usable answer, or not in time.
        """
        return self._decide(client, policies, known, charges=0)

    def give_back(self, client: Client, policies: Sequence[Policy], known: Sequence[int]) -> None:
        """Takes one charge back from all policies.

        Raises:
            RedisAwayError: Redis gave no usable answer, or not in time.
        """
        self._decide(client, policies, known, charges=-1)

    def close(self) -> None:
        self._link.close()

    def _decide(
        self, client: Client, policies: Sequence[Policy], known: Sequence[int], *, charges: int
    ) -> Decision:
        # The braces are a hash tag: a cluster keeps the client's keys on one server.
        tag = client[-1].hex()
        keys = [
            f"rate-limit:debt:{{{tag}}}:{key.hex()}:{policy.name}" for policy in policies for key in client
        ]
        limits = [numbers for policy in policies for numbers in self._numbers[policy.name][: len(client)]]
        arguments = [charges]
        for (interval, capacity), debt in zip(limits, known, strict=True):
            arguments += (interval, capacity, debt // NANOSECONDS_PER_MICROSECOND)
        is_admitted, *debts = self._link.run(keys, arguments)
        return Decision(bool(is_admitted), [debt * NANOSECONDS_PER_MICROSECOND for debt in debts])
