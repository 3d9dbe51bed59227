"""Spends a client's limits, or refuses; says where it stands (draft-ietf-httpapi-ratelimit-headers-10)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import falcon

from app.errors import RateLimitedError
from app.rate_limit.gcra import NANOSECONDS
from app.rate_limit.limiter import Limiter
from app.rate_limit.policy import Decision, Policy
from app.telemetry.metrics import Metrics
from app.web.client_key import client_key
from app.web.environ import ROUTE_KEY, address_of
from app.web.paths import VERIFY_PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EXEMPT_ROUTES = frozenset({"/health", "/health/ready"})
METRICS_ROUTE = "/metrics"
SIGN_IN_ROUTE = "/auth/login"


class RateLimitMiddleware:
    """Every request spends the default limit; an unknown path and a sign-in spend one more.

    A proxy asks /auth/verify about each file of a page: that costs only those whom it has to refuse. Likewise
    /metrics costs only those who may not read it, and then what an unknown path does.

    Args:
        limiter: the store and its policies.
        metrics: where decisions are counted.
        exempts_loopback: whether clients on this machine are free, as in development.
    """

    def __init__(
        self,
        limiter: Limiter,
        metrics: Metrics,
        *,
        exempts_loopback: bool,
    ) -> None:
        self._store = limiter.store
        self._usual = _Charge([limiter.default], metrics)
        self._not_found = _Charge([limiter.default, limiter.not_found], metrics)
        self._sign_in = _Charge([limiter.default, limiter.sign_in], metrics)
        self._guess = _Charge([limiter.not_found], metrics)
        self._exempts_loopback = exempts_loopback

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        environ = req.env
        if self._is_exempt(environ):
            return
        client = client_key(address_of(environ))
        method = environ["REQUEST_METHOD"]
        if environ[ROUTE_KEY] == METRICS_ROUTE:
            # A token may be a guess: who has guessed too often learns nothing from the next one.
            if "HTTP_AUTHORIZATION" in environ:
                decision = self._store.peek(client, self._guess.policies)
                if not decision.is_admitted:
                    self._guess.tell(decision, resp, is_spent=False)
            req.context.scraping_client = client
            return
        if environ[ROUTE_KEY] == VERIFY_PATH and method in {"GET", "HEAD"}:
            self._usual.tell(self._store.peek(client, self._usual.policies), resp, is_spent=False)
            req.context.verifying_client = client
            return
        charge = self._charge(environ[ROUTE_KEY], method)
        charge.tell(self._store.spend(client, charge.policies), resp)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        """Charges a client who may not read the metrics, or whom a proxy will not let through.

        Raises:
            RateLimitedError: the client has failed too often.
        """
        scraping: bytes | None = getattr(req.context, "scraping_client", None)
        verifying: bytes | None = getattr(req.context, "verifying_client", None)
        if scraping is None and verifying is None:
            return
        status = falcon.http_status_to_code(resp.status)
        if scraping is not None and status == HTTPStatus.NOT_FOUND:
            self._not_found.tell(self._store.spend(scraping, self._not_found.policies), resp)
        if verifying is not None and 300 <= status < 500:  # noqa: PLR2004  # HTTP's
            self._charge_unverified(verifying, resp)

    def _charge_unverified(self, client: bytes, resp: falcon.Response) -> None:
        """Whoever is not sent to sign in spends what an unknown path does, too: it may be a guess.

        One policy after the other, so that the second, used up, does not keep the first from being so.
        """
        is_page = resp.get_header("Location") is not None
        for name in ("RateLimit", "RateLimit-Policy"):
            resp.delete_header(name)
        try:
            self._usual.tell(self._store.spend(client, self._usual.policies), resp)
            if not is_page:
                self._guess.tell(self._store.spend(client, self._guess.policies), resp)
        except RateLimitedError:
            for name in ("Location", "WWW-Authenticate"):
                resp.delete_header(name)
            raise

    def _charge(self, route: str | None, method: str) -> "_Charge":
        if route is None:
            return self._not_found
        if route == SIGN_IN_ROUTE and method in {"GET", "HEAD"}:
            return self._sign_in
        return self._usual

    def _is_exempt(self, environ: "WSGIEnvironment") -> bool:
        if environ[ROUTE_KEY] in EXEMPT_ROUTES:
            return True
        if self._exempts_loopback and (address := address_of(environ)) and address.is_loopback:
            return True
        return (
            environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ORIGIN" in environ
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        )


class _Charge:
    """The policies that one kind of request spends, and how their decision is told."""

    def __init__(self, policies: Sequence[Policy], metrics: Metrics) -> None:
        self.policies = policies
        self._header = ", ".join(
            f'"{policy.name}";q={policy.limit.count};w={policy.limit.seconds}' for policy in policies
        )
        counter = metrics.rate_limit_decisions
        self._allowed = [counter.labels(policy.name, "allowed") for policy in policies]
        self._refused = [counter.labels(policy.name, "refused") for policy in policies]

    def tell(self, decision: Decision, resp: falcon.Response, *, is_spent: bool = True) -> None:
        """Sets the headers and counts.

        `r` is what may be asked at once. `t` is when all of the quota is back; of a policy that refuses, when
        the next request will be admitted, which Retry-After repeats. A refusal names only those policies.

        Raises:
            RateLimitedError: the request is refused.
        """
        resp.append_header("RateLimit-Policy", self._header)
        standings = list(zip(self.policies, decision.debts, strict=True))
        if decision.is_admitted:
            for counter in self._allowed if is_spent else ():
                counter.inc()
            resp.append_header(
                "RateLimit",
                ", ".join(_item(policy, debt, _seconds(debt)) for policy, debt in standings),
            )
            return
        items: list[str] = []
        longest = 0
        for (policy, debt), counter in zip(standings, self._refused, strict=True):
            if not policy.limit.admits(debt):
                counter.inc()
                wait = _seconds(policy.limit.wait(debt))
                longest = max(longest, wait)
                items.append(_item(policy, debt, wait))
        resp.append_header("RateLimit", ", ".join(items))
        resp.set_header("Retry-After", str(longest))
        raise RateLimitedError


def _item(policy: Policy, debt: int, seconds: int) -> str:
    return f'"{policy.name}";r={policy.limit.remaining(debt)};t={seconds}'


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // NANOSECONDS)
