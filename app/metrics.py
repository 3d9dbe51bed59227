"""What Prometheus can ask about this service. Every label has few values, whatever requests bring."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The service's metrics, made once a process.

    Args:
        registry: where they are collected.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "http_requests",
            "Requests answered, by route template; `unmatched` stands for every unknown path.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from the first layer of the application to its answer.",
            ["method", "route"],
            registry=registry,
        )
        self.requests_in_progress = Gauge(
            "http_requests_in_progress",
            "Requests being answered now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.rate_limit_decisions = Counter(
            "rate_limit_decisions",
            "Decisions of the rate limiter, by policy and outcome (allowed, refused).",
            ["policy", "outcome"],
            registry=registry,
        )
        self.rate_limit_fallbacks = Counter(
            "rate_limit_fallbacks",
            "Decisions made by the replica's own store because Redis did not answer.",
            registry=registry,
        )
        self.sign_ins = Counter(
            "sign_ins",
            "Sign-ins by outcome: `signed_in`, `registration_pending`, or an error code of the sign-in.",
            ["outcome"],
            registry=registry,
        )
        self.session_checks = Counter(
            "session_checks",
            "Session cookies checked, by outcome: `live`, `dead`, `malformed`, `unavailable`.",
            ["outcome"],
            registry=registry,
        )
