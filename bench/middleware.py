"""What each middleware layer costs a request; writes docs/benchmarks.md.

    bin/python -m bench.middleware [--rounds 15]

It starts with a Falcon resource that says "ok" and adds one layer after the other, in the service's order.
The cost of a layer is the CPU time by which a call then takes longer. Then it sends the whole stack heads
that are made to cost much.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import falcon
from falcon.routing import CompiledRouter

from app.middleware.cors import CORSMiddleware
from app.middleware.headers import security_headers
from app.middleware.observation import JSONLines, ObservationMiddleware
from app.middleware.rate_limit import RateLimitMiddleware
from app.middleware.refusals import BearerMiddleware, BodyLimitMiddleware, CrossSiteMiddleware
from app.middleware.route import RouteMiddleware
from app.rate_limit.gcra import Limit
from app.rate_limit.limiter import Limiter
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy
from app.rate_limit.shared_memory import SharedMemory
from app.settings.config import PRIVATE_NETWORKS
from app.settings.parsers import networks
from app.telemetry import logs
from app.telemetry.log_writer import LogWriter
from app.telemetry.metrics import Metrics
from app.telemetry.metrics_files import FOLDER_VARIABLE, shared_registry, use_slot
from app.web.client_address import ClientAddressFinder
from bench import cores
from bench.peers.bare_falcon import HealthResource
from bench.report import measured_here, write_section
from bench.results import Spread

CALLS = 2000
PATH = "/limited"
MICROSECONDS = 1_000_000
WARM_UPS = 4
NAMED = 3
"""How many layers the page names."""
HEAD_LENGTH = 32 * 1024
LINE_LENGTH = 8190
COSTLY: dict[str, dict[str, str]] = {
    "X-Forwarded-For": {"HTTP_X_FORWARDED_FOR": ",".join(["::1"] * (HEAD_LENGTH // 4))},
    "a zone in X-Forwarded-For": {"HTTP_X_FORWARDED_FOR": "fe80::1%" + "z" * HEAD_LENGTH},
    "Cookie": {"HTTP_COOKIE": ";" * HEAD_LENGTH},
    "Traceparent": {"HTTP_TRACEPARENT": f"01-{'a' * 32}-{'b' * 16}-01-" + "c" * HEAD_LENGTH},
    "X-Request-ID": {"HTTP_X_REQUEST_ID": "a" * HEAD_LENGTH},
    "the query": {"QUERY_STRING": "a&" * (LINE_LENGTH // 2)},
    "the path": {"PATH_INFO": "/" * LINE_LENGTH},
}
"""What a stranger may send before a limit is looked at, each as long as the server takes it."""

Costs = dict[str, list[float]]
"""Microseconds that a layer, or a head, adds to a call, one figure a round."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    # As in bench/run. On two cores, the log writer's thread and this one slow each other down more.
    cores.go_to_server_core()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = folder
        use_slot(0, Path(folder))
        layers, heads = _costs(Metrics(shared_registry(Path(folder)), is_shared=True), rounds)
    for name, costs in (layers | heads).items():
        print(f"{name}: {Spread.of(costs).text(1)} µs")
    write_section("middleware", summary(layers, heads))


def _costs(metrics: Metrics, rounds: int) -> tuple[Costs, Costs]:
    """Builds the stacks, each with one layer more than the one before; measures them, and costly heads."""
    # Log lines are made and written as in production, but to /dev/null.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    writer = LogWriter(nowhere, metrics.log_lines_dropped.inc)
    logs.configure("json", "info", writer)
    memory = SharedMemory()
    policy = Policy("default", Limit(1_000_000, 1))
    limiter = Limiter(MemoryStore(memory, [policy]), policy, policy, policy)
    router = CompiledRouter()
    inner = {
        "Route": RouteMiddleware(router),
        "RateLimit": RateLimitMiddleware(
            limiter=limiter, metrics=metrics, exempts_loopback=False, has_choice=False
        ),
        "CORS": CORSMiddleware(frozenset({"https://app.example.com"}), siblings=None),
        "CrossSite": CrossSiteMiddleware(),
        "Bearer": BearerMiddleware(),
        "BodyLimit": BodyLimitMiddleware(),
    }
    outer: dict[str, Callable[[Any], Any]] = {
        "Observation": lambda app: ObservationMiddleware(
            app,
            addresses=ClientAddressFinder(networks(PRIVATE_NETWORKS)),
            metrics=metrics,
            headers=security_headers(hsts=True),
            log_request=JSONLines(writer),
        ),
    }
    stacks: dict[str, Any] = {"Falcon and the resource": _application(CompiledRouter(), [])}
    for count, name in enumerate(inner, start=1):
        # RouteMiddleware looks in this router, so the first of these applications adds the route to it.
        stacks[name] = _application(router if count == 1 else CompiledRouter(), list(inner.values())[:count])
    whole: Any = stacks["BodyLimit"]
    for name, wrap in outer.items():
        whole = wrap(whole)
        stacks[name] = whole
    try:
        return _measure(stacks, rounds), _measure_heads(whole, rounds)
    finally:
        writer.close()
        os.close(nowhere)


def _measure(stacks: Mapping[str, Any], rounds: int) -> Costs:
    costs: dict[str, list[float]] = {name: [] for name in stacks}
    for number in range(rounds + 1):
        before = 0.0
        for name, stack in stacks.items():
            # CPython specializes its bytecode for the objects it meets, and those have just changed.
            for _ in range(WARM_UPS):
                _call_cost(stack)
            taken = _call_cost(stack)
            if number:  # round 0 warms the caches
                costs[name].append(taken - before)
            before = taken
    return costs


def _measure_heads(app: Any, rounds: int) -> Costs:  # noqa: ANN401  # any WSGI callable
    plain = [_call_cost(app) for _ in range(WARM_UPS)][-1]
    calls = CALLS // 20
    return {
        name: [_call_cost(app, calls, REMOTE_ADDR="127.0.0.1", **head) - plain for _ in range(rounds)]
        for name, head in COSTLY.items()
    }


def _application(router: CompiledRouter, middleware: list[Any]) -> Any:  # noqa: ANN401  # a falcon.App
    app = falcon.App(middleware=middleware, router=router)
    app.add_route(PATH, HealthResource())
    return app


def _call_cost(app: Any, calls: int = CALLS, **head: str) -> float:  # noqa: ANN401  # any WSGI callable
    """Microseconds of CPU time that a call takes.

    Args:
        app: is called.
        calls: how many times.
        head: goes into the environ.
    """
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "3000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_ORIGIN": "https://app.example.com",
        "HTTP_USER_AGENT": "bench",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "connected_backend.route": PATH,
    } | head

    def start_response(*_: object) -> Callable[[bytes], object]:
        return _ignore

    began = time.process_time()
    for _ in range(calls):
        list(app(dict(environ), start_response))
    return (time.process_time() - began) / calls * MICROSECONDS


def _ignore(_: bytes) -> None:
    pass


def summary(layers: Costs, heads: Costs) -> str:
    """The result as the page says it: the whole and the most expensive parts."""
    whole = Spread.of([sum(round_) for round_ in zip(*layers.values(), strict=True)])
    medians = {name: statistics.median(costs) for name, costs in layers.items()}
    largest = sorted(medians, key=lambda name: -medians[name])[:NAMED]
    named = ", ".join(f"{name} {medians[name]:.1f}" for name in largest)
    added, head = max((statistics.median(costs), name) for name, costs in heads.items())
    return (
        f"{measured_here()} Falcon and all layers take {whole.text(1)} µs of CPU a request "
        f"(target: at most 30), most in {named}. "
        f"A head made to cost much, up to 32 KiB long, adds at most {added:.0f} ({head})."
    )


if __name__ == "__main__":
    main()
