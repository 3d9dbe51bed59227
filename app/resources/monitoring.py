import time

import falcon
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from app.database.readiness import ReadinessProbe
from app.telemetry.logs import timestamp
from app.web.metrics_access import MetricsAccess
from app.web.paths import HeadMixin


class RootResource(HeadMixin):
    """`/`: says that this is the backend."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"message": "Backend is live."}


class HealthResource(HeadMixin):
    """`/health`: the process answers. It never asks the database: a restart would not end an outage there."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        # Asked more often than anything else, and no character needs to be escaped.
        resp.data = f'{{"status":"ok","timestamp":"{timestamp(time.time())}"}}'.encode()


class ReadyResource(HeadMixin):
    """`/health/ready`: whether this replica should get requests."""

    def __init__(self, *, probe: ReadinessProbe) -> None:
        self._probe = probe

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        readiness = self._probe.check()
        resp.status = 200 if readiness.is_ready else 503
        resp.media = {
            "status": "ok" if readiness.is_ready else "unavailable",
            "checks": {"database": readiness.database, "migrations": readiness.migrations},
        }


TEXT = "text/plain"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class MetricsResource(HeadMixin):
    """`/metrics`: all metrics, for those who may read them; the others get a 404."""

    def __init__(self, *, registry: CollectorRegistry, access: MetricsAccess, probe: ReadinessProbe) -> None:
        self._registry = registry
        self._access = access
        self._probe = probe

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not self._access.allows(req.env):
            raise falcon.HTTPNotFound
        # The library's own choice raises TypeError where the version in Accept is not a number.
        if req.client_prefers((TEXT, OPENMETRICS)) == OPENMETRICS:
            resp.content_type = openmetrics.CONTENT_TYPE_LATEST
            resp.data = openmetrics.generate_latest(self._registry)
        else:
            resp.content_type = CONTENT_TYPE_PLAIN_0_0_4
            resp.data = generate_latest(self._registry)
        # The probe's own connection would be counted, so it runs after the scrape.
        self._probe.check_soon()
