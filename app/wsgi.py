"""The composition root: makes and connects every object of a worker process."""

import atexit
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import falcon
from falcon.routing import CompiledRouter
from prometheus_client import CollectorRegistry

from app.database.pool import Database
from app.middleware.cors import CORSMiddleware
from app.middleware.headers import IdentityHeadersMiddleware, security_headers
from app.middleware.method import MethodMiddleware
from app.middleware.observation import (
    JSONLines,
    Line,
    ObservationMiddleware,
    log_record,
    log_record_with_path,
)
from app.middleware.rate_limit import RateLimitMiddleware
from app.middleware.refusals import BearerMiddleware, BodyLimitMiddleware, CrossSiteMiddleware
from app.middleware.route import RouteMiddleware
from app.rate_limit.limiter import Limiter, make_limiter
from app.rate_limit.shared_memory import inherited_memory
from app.routes import routes
from app.settings.config import Config, load_config
from app.settings.places import version
from app.telemetry import logs
from app.telemetry.exporters import Exporters
from app.telemetry.log_writer import LogWriter
from app.telemetry.metrics import Metrics
from app.telemetry.metrics_files import FOLDER_VARIABLE, shared_registry
from app.waiting.bulkhead import Bulkhead
from app.waiting.hub import BLOCKING, Hub
from app.web.client_address import ClientAddressFinder
from app.web.problems import add_error_handlers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LogRequest = Callable[[Line], None]


@dataclass(kw_only=True)
class Service:
    """What gunicorn serves: the WSGI application, and what the hooks of its worker use.

    Attributes:
        stopping: the worker sets it once the replica is told to stop.
        turns: the worker's threads take them, and whoever waits gives up its own.
        metrics: count requests that never reach the application.
        security_headers: of answers to those.
    """

    app: "WSGIApplication"
    database: Database
    limiter: Limiter
    exporters: Exporters
    stopping: threading.Event
    hub: Hub
    metrics: Metrics
    security_headers: Mapping[str, str]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self.app(environ, start_response)

    def close(self) -> None:
        """Closes the connections to PostgreSQL and Redis, and sends the waiting errors and traces."""
        self.database.close()
        self.limiter.store.close()
        self.exporters.close()


def create_app(
    *,
    config: Config,
    database: Database,
    limiter: Limiter,
    metrics: Metrics,
    stopping: threading.Event,
    log_request: LogRequest = log_record,
    hub: Hub = BLOCKING,
    bulkhead: Bulkhead | None = None,
) -> "WSGIApplication":
    """The application over its collaborators. It reads no environment and opens nothing.

    The layers' order is the order of refusal; an answer passes the layers in front of it again, backwards.
    docs/architecture.md has the reason for each place.
    """
    router = CompiledRouter()
    layers: list[Any] = [
        RouteMiddleware(router),
        IdentityHeadersMiddleware(),
        RateLimitMiddleware(
            limiter=limiter,
            metrics=metrics,
            exempts_loopback=config.app_env == "development",
            has_choice=len(config.providers) > 1,
        ),
        CORSMiddleware(config.allowed_origins | {config.own_origin}, siblings=config.siblings),
        CrossSiteMiddleware(),
        BearerMiddleware(),
        BodyLimitMiddleware(),
    ]
    app = falcon.App(router=router, middleware=layers)
    # One encoder for all answers; json.dumps would make one for each.
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(dumps=encoder.encode)
    add_error_handlers(app, metrics, webapp_url=config.webapp_url)
    waiting = bulkhead or Bulkhead()
    for path, resource in routes(config, database, metrics, stopping, hub=hub, bulkhead=waiting).items():
        app.add_route(path, resource)
    return ObservationMiddleware(
        MethodMiddleware(app),
        addresses=ClientAddressFinder(config.trusted_proxies),
        metrics=metrics,
        headers=security_headers(hsts=config.is_hardened),
        log_request=log_request,
    )


def get_app() -> Service:
    """What a gunicorn worker loads after the fork. Reads the environment and opens the database pool."""
    config = load_config(os.environ)
    metrics = _make_metrics(os.environ.get(FOLDER_VARIABLE), at_once=config.requests_at_once)
    writer = _make_log_writer(metrics)
    logs.configure(config.log_format, config.log_level, writer)
    if not config.is_hardened or any(provider.internal_url for provider in config.providers):
        # oauthlib's switch for plain http. Hardened configurations refuse it, but inside a network.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    hub = Hub()
    # One less than there can be, so that /health, which waits for nobody, is answered. An only one may wait.
    bulkhead = Bulkhead(max(config.requests_at_once - 1, 1), make_event=hub.event)
    database = Database(
        url=config.database_url,
        metrics=metrics,
        pool_max=config.db_pool_max,
        hub=hub,
        bulkhead=bulkhead,
        through_pooler=config.goes_through_pooler,
    )
    database.open()
    limiter = make_limiter(config, inherited_memory(), metrics, hub=hub)
    stopping = threading.Event()
    app = create_app(
        config=config,
        database=database,
        limiter=limiter,
        metrics=metrics,
        stopping=stopping,
        log_request=_request_log(config, writer),
        hub=hub,
        bulkhead=bulkhead,
    )
    exporters = Exporters(config)
    if exporters.tracer:
        from app.middleware.tracing import TracingMiddleware  # noqa: PLC0415  # needs an extra

        app = TracingMiddleware(app, exporters.tracer)
    return Service(
        app=app,
        database=database,
        limiter=limiter,
        exporters=exporters,
        stopping=stopping,
        hub=hub,
        metrics=metrics,
        security_headers=security_headers(hsts=config.is_hardened),
    )


def _make_log_writer(metrics: Metrics) -> LogWriter | None:
    if sys.stdout is None:
        return None
    writer = LogWriter(sys.stdout.fileno(), metrics.log_lines_dropped.inc)
    # At exit, as gunicorn still logs after its last hook.
    atexit.register(writer.close)
    return writer


def _request_log(config: Config, writer: LogWriter | None) -> LogRequest:
    if writer and config.log_format == "json":
        return JSONLines(writer)
    return log_record_with_path if config.app_env == "development" else log_record


def _make_metrics(folder: str | None, *, at_once: int) -> Metrics:
    """This worker's metrics: shared through gunicorn_conf's folder, or its own under another server."""
    if folder:
        metrics = Metrics(shared_registry(Path(folder)), is_shared=True)
    else:
        metrics = Metrics(CollectorRegistry())
    metrics.build_info.labels(version()).set(1)
    metrics.worker_processes.set(1)
    metrics.worker_threads.set(at_once)
    metrics.worker_starts.inc()
    return metrics
