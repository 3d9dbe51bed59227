import time

import falcon

from app.database.readiness import ReadinessProbe
from app.telemetry.logs import timestamp
from app.web.methods import HeadMixin


class RootResource(HeadMixin):
    """`/`: says that this is the backend."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"message": "Backend is live."}


class HealthResource(HeadMixin):
    """`/health`: the process answers. It never asks the database: a restart would not end an outage there."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "ok", "timestamp": timestamp(time.time())}


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
