"""The metrics for Prometheus. No label takes its values from what clients send."""

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.errors import SignInCode

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
WAIT_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 3)
SHORTEST_WAIT = WAIT_SECONDS[0]


class Metrics:
    """The service's metrics. Make it once a process.

    Known outcomes start as zeros, here or where they are counted: Prometheus sees the first as an increase.

    Args:
        registry: what a scrape reads.
        is_shared: whether that registry collects the values of all workers itself (metrics_slots.py).
    """

    def __init__(self, registry: CollectorRegistry, *, is_shared: bool = False) -> None:
        self.registry = registry
        own = None if is_shared else registry
        self.requests = Counter(
            "http_requests",
            "Requests answered, by route template; `unmatched` stands for every unknown path.",
            ["method", "route", "status"],
            registry=own,
        )
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from the first layer of the application to its answer.",
            ["method", "route"],
            buckets=REQUEST_SECONDS,
            registry=own,
        )
        self.requests_in_progress = Gauge(
            "http_requests_in_progress",
            "Requests being answered now.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.rate_limit_decisions = Counter(
            "rate_limit_decisions",
            "Decisions of the rate limiter, by policy and outcome (allowed, refused).",
            ["policy", "outcome"],
            registry=own,
        )
        self.rate_limit_fallbacks = Counter(
            "rate_limit_fallbacks",
            "Decisions made by the replica's own store because Redis did not answer.",
            registry=own,
        )
        self.sign_ins = Counter(
            "sign_ins",
            "Sign-ins by provider and outcome: `signed_in`, `registration_pending`, `linked`, an error code.",
            ["provider", "outcome"],
            registry=own,
        )
        self.session_checks = Counter(
            "session_checks",
            "Session cookies checked, by outcome: `live`, `dead`, `malformed`, `unavailable`.",
            ["outcome"],
            registry=own,
        )
        for outcome in ("live", "dead", "malformed", "unavailable"):
            self.session_checks.labels(outcome)
        self.verify_decisions = Counter(
            "verify_decisions",
            "Answers of /auth/verify by outcome: `allowed`, `preflight`, or why not.",
            ["outcome"],
            registry=own,
        )
        self.pool_max_connections = Gauge(
            "database_pool_max_connections",
            "Database connections that the worker processes may open: DB_POOL_MAX for each.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.pool_connections = Gauge(
            "database_pool_connections",
            "Open database connections, read twice a second.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.pool_connections_in_use = Gauge(
            "database_pool_connections_in_use",
            "Database connections in use, read twice a second.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.pool_waiting = Gauge(
            "database_pool_waiting",
            "Requests waiting for a database connection, read twice a second.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.pool_wait_seconds = Histogram(
            "database_pool_wait_seconds",
            "Seconds a request waited for a database connection, whether it got one or not.",
            buckets=WAIT_SECONDS,
            registry=own,
        )
        self.database_outages = Counter(
            "database_outages",
            "Times a worker process began to refuse requests at once because the database did not answer.",
            registry=own,
        )
        self.database_up = Gauge(
            "database_up",
            "Whether the database answered the latest readiness check, and takes the service's statements: "
            "1 or 0.",
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self.migrations_applied = Gauge(
            "migrations_applied",
            "Migrations that the database had at the latest readiness check that it answered.",
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self.migrations_pending = Gauge(
            "migrations_pending",
            "Migrations of this image that the database lacked at the latest readiness check it answered.",
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self.build_info = Gauge(
            "build_info",
            "Always 1; the label says which version serves.",
            ["version"],
            registry=own,
            multiprocess_mode="livemax",
        )
        self.worker_processes = Gauge(
            "worker_processes",
            "Worker processes that serve now.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.worker_threads = Gauge(
            "worker_threads",
            "Requests that the worker processes can have in hand at once; further ones queue.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.log_lines_dropped = Counter(
            "log_lines_dropped",
            "Log lines dropped because nobody read standard output while 10,000 of a worker process waited.",
            registry=own,
        )
        self.worker_starts = Counter(
            "worker_starts",
            "Worker processes started since the service was.",
            registry=own,
        )

    def expect_sign_ins(self, providers: Iterable[str]) -> None:
        """Makes the zeros of these providers; `none` is where nobody was asked."""
        for provider in (*providers, "none"):
            for outcome in ("signed_in", "registration_pending", "linked", *get_args(SignInCode)):
                self.sign_ins.labels(provider, outcome)

    def add_short_waits(self, count: int) -> None:
        """Adds waits of less than SHORTEST_WAIT to the histogram; their seconds count as none."""
        # The library can only observe one at a time.
        self.pool_wait_seconds._buckets[0].inc(count)  # noqa: SLF001  # see above
