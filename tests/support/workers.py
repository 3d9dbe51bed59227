"""The worker processes of a service."""

import psutil

from tests.support.service import Service
from tests.support.waiting import until


def wait_for_workers(
    service: Service, count: int, *, without: frozenset[int] = frozenset()
) -> list[psutil.Process]:
    """So many workers, ready to serve and to be stopped; none of them one of those given by pid."""

    def ready() -> list[psutil.Process] | None:
        workers = [worker for worker in service.workers() if worker.pid not in without]
        # The pool of connections is opened after the signal handlers are installed, and has threads.
        return workers if len(workers) == count and all(w.num_threads() > 1 for w in workers) else None

    return until(ready, seconds=20, what=f"{count} workers") or []
