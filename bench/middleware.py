"""What each layer around a request costs, and the whole stack beside a bare WSGI callable.

    bin/python -m bench.middleware [--rounds 15]

The layers are put on one after the other, in their order, around a resource that says "ok"; what a call
then takes longer is the layer's. Then `bin/start` and a bare callable run under the same gunicorn and worker,
with one process each, and answer wrk (Debian's package) in turn: CPU time per request, as the worker process
counts it. Writes docs/benchmarks.md.
"""

import argparse
import io
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import falcon
import psutil
from falcon.routing import CompiledRouter

from app import logs
from app.client_address import ClientAddressFinder
from app.metrics import Metrics
from app.metrics_slots import FOLDER_VARIABLE, shared_registry, use_slot
from app.middleware.bearer import BearerMiddleware
from app.middleware.body_limit import BodyLimitMiddleware
from app.middleware.cors import CORSMiddleware
from app.middleware.cross_site import CrossSiteMiddleware
from app.middleware.last_resort import LastResortMiddleware
from app.middleware.metrics import MetricsMiddleware
from app.middleware.rate_limit import RateLimitMiddleware
from app.middleware.request_id import RequestIDMiddleware
from app.middleware.request_log import RequestLogMiddleware
from app.middleware.route import RouteMiddleware
from app.middleware.security_headers import SecurityHeadersMiddleware, security_headers
from app.migrations.command import migrate
from app.migrations.report import PlainReport
from app.rate_limit.gcra import Limit
from app.rate_limit.limiter import Limiter
from app.rate_limit.memory_store import MemoryStore
from app.rate_limit.policy import Policy
from app.rate_limit.shared_memory import SharedMemory
from bench.bare import HealthResource
from bench.report import write_section
from dev.postgres import EmbeddedPostgres
from tests.support.service import PRODUCTION, ROOT, UNLIMITED, free_port

CALLS = 2000
SECONDS = 3
PATH = "/limited"
MICROSECONDS = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = folder
        use_slot(0)
        layers = _layer_costs(Metrics(shared_registry(Path(folder)), is_shared=True), rounds)
    print(layers, flush=True)
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        migrate(postgres.url(), report=PlainReport(sys.stdout), wait=30)
        stacks = _stack_costs(postgres.url(), rounds=max(3, rounds // 3))
    write_section("middleware", _text(layers, stacks, rounds))


def _layer_costs(metrics: Metrics, rounds: int) -> dict[str, list[float]]:
    """Microseconds that each layer adds to a call, by name, one figure a round."""
    memory = SharedMemory()
    policy = Policy("default", Limit(1_000_000, 1))
    limiter = Limiter(MemoryStore(memory, [policy]), policy, policy, policy)
    router = CompiledRouter()
    inner = {
        "Route": RouteMiddleware(router),
        "SecurityHeaders": SecurityHeadersMiddleware(security_headers(hsts=True)),
        "RateLimit": RateLimitMiddleware(limiter, metrics, exempts_loopback=False),
        "CORS": CORSMiddleware(frozenset({"https://app.example.com"})),
        "CrossSite": CrossSiteMiddleware(),
        "Bearer": BearerMiddleware(),
        "BodyLimit": BodyLimitMiddleware(),
    }
    outer: dict[str, Callable[[Any], Any]] = {
        "LastResort": lambda app: LastResortMiddleware(app, {}),
        "Metrics": lambda app: MetricsMiddleware(app, metrics),
        "RequestLog": lambda app: RequestLogMiddleware(app, addresses=ClientAddressFinder([])),
        "RequestID": RequestIDMiddleware,
    }
    stacks: dict[str, Any] = {"Falcon and the resource": _application(CompiledRouter(), [])}
    # With the route in place, as those behind it ask for it.
    for count, name in enumerate(inner, start=1):
        stacks[name] = _application(router if count == 1 else CompiledRouter(), list(inner.values())[:count])
    whole: Any = stacks["BodyLimit"]
    for name, wrap in outer.items():
        whole = wrap(whole)
        stacks[name] = whole
    # Its lines are made and written, to nowhere.
    logs.configure("json", "info")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(logs.JSONFormatter())
        logging.getLogger().handlers = [handler]
        return _measure(stacks, rounds)


def _measure(stacks: Mapping[str, Any], rounds: int) -> dict[str, list[float]]:
    costs: dict[str, list[float]] = {name: [] for name in stacks}
    for number in range(rounds + 1):
        before = 0.0
        for name, stack in stacks.items():
            taken = _call_cost(stack)
            if number:  # the first warms caches
                costs[name].append(taken - before)
            before = taken
    return costs


def _application(router: CompiledRouter, middleware: list[Any]) -> Any:  # noqa: ANN401  # a falcon.App
    app = falcon.App(middleware=middleware, router=router)
    app.add_route(PATH, HealthResource())
    return app


def _call_cost(app: Any) -> float:  # noqa: ANN401  # any WSGI callable
    """Microseconds of CPU time that a call takes."""
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
    }

    def start_response(*_: object) -> Callable[[bytes], object]:
        return _ignore

    began = time.process_time()
    for _ in range(CALLS):
        list(app(dict(environ), start_response))
    return (time.process_time() - began) / CALLS * MICROSECONDS


def _ignore(_: bytes) -> None:
    pass


def _stack_costs(database_url: str, *, rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU time of the worker per request, by stack, one figure a round."""
    environ = {**PRODUCTION, **UNLIMITED, "DATABASE_URL": database_url, "WEB_CONCURRENCY": "1"}
    gunicorn = [sys.executable, "-P", "-m", "gunicorn", "--no-control-socket", "--log-level", "error"]
    gunicorn += ["--worker-class", "app.gunicorn_worker.Worker", "--threads", "8", "--workers", "1"]
    gunicorn += ["--keep-alive", "125"]
    ours, bare = free_port(), free_port()
    bare_command = [*gunicorn, "--bind", f"127.0.0.1:{bare}", "bench.callable:app"]
    costs: dict[str, list[float]] = {"bin/start, /health": [], "bin/start, /": [], "bare WSGI callable": []}
    with (
        _running([str(ROOT / "bin" / "start")], {**environ, "PORT": str(ours)}, ours) as service,
        _running(bare_command, {"PYTHONPATH": str(ROOT)}, bare) as callable_,
    ):
        for number in range(rounds + 1):
            figures = {
                "bin/start, /health": _request_cost(service, f"http://127.0.0.1:{ours}/health"),
                "bin/start, /": _request_cost(service, f"http://127.0.0.1:{ours}/"),
                "bare WSGI callable": _request_cost(callable_, f"http://127.0.0.1:{bare}/"),
            }
            print(f"round {number} of {rounds}: {figures}", flush=True)
            for name, figure in figures.items():
                if number:
                    costs[name].append(figure)
    return costs


@contextmanager
def _running(command: list[str], environ: Mapping[str, str], port: int) -> Iterator[psutil.Process]:
    """The one worker process of a server that answers."""
    clean = {"PATH": os.environ["PATH"], **environ}
    process = subprocess.Popen(command, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (_wrk(f"http://127.0.0.1:{port}/", seconds=1)):
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
        yield psutil.Process(process.pid).children()[0]
    finally:
        process.terminate()
        process.wait(30)


def _request_cost(worker: psutil.Process, url: str) -> float:
    before = sum(worker.cpu_times()[:2])
    requests = _wrk(url, seconds=SECONDS)
    return (sum(worker.cpu_times()[:2]) - before) / requests * MICROSECONDS


def _wrk(url: str, *, seconds: int) -> int:
    """How many requests were answered."""
    command = ["wrk", "--threads", "1", "--connections", "8", "--duration", f"{seconds}s", url]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    line = next((line for line in output.splitlines() if " requests in " in line), "0")
    return int(line.split()[0])


def _text(layers: dict[str, list[float]], stacks: dict[str, list[float]], rounds: int) -> str:
    bare = stacks["bare WSGI callable"]
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs.",
        f"{rounds} rounds of {CALLS} calls. Median (lowest to highest).",
        "",
        "| layer | µs a call |",
        "|---|---|",
        *(f"| {name} | {_spread(costs)} |" for name, costs in layers.items()),
        f"| all | {_spread([sum(round_) for round_ in zip(*layers.values(), strict=True)])} |",
        "",
        "| under gunicorn, one worker | CPU µs a request | ratio to the bare callable |",
        "|---|---|---|",
    ]
    for name, costs in stacks.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(costs, bare, strict=True))
        lines.append(f"| {name} | {_spread(costs)} | {ratio:.2f} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
