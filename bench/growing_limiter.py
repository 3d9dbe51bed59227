"""What a decision of the rate limiter takes when many clients are known."""

import random
import time
from statistics import median

from app.rate_limit.gcra import Limit
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy
from app.rate_limit.shared_memory import SharedMemory
from bench.results import Figures

DECISIONS = 20_000
POLICY = Policy("default", Limit(200, 60))


def decision_figures(keys: int) -> Figures:
    """Microseconds of a decision about a client at random, after all of them came by."""
    store = MemoryStore(SharedMemory(), [POLICY])
    for number in range(keys):
        store.spend(_client(number), [POLICY])
    chooser = random.Random(keys)  # noqa: S311  # which clients come back is no secret
    clients = [_client(chooser.randrange(keys)) for _ in range(DECISIONS)]
    clock, policies, taken = time.perf_counter_ns, [POLICY], []
    for client in clients:
        began = clock()
        store.spend(client, policies)
        taken.append(clock() - began)
    taken.sort()
    return {"decision": median(taken) / 1000, "decision_p99": taken[len(taken) * 99 // 100] / 1000}


def _client(number: int) -> bytes:
    return number.to_bytes(4, "big")
