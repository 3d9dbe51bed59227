"""Charges requests to the client's limits, or refuses them (draft-ietf-httpapi-ratelimit-headers-10)."""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import falcon

from app.errors import RateLimitedError
from app.rate_limit.gcra import NANOSECONDS_PER_SECOND, Limit
from app.rate_limit.limiter import Limiter
from app.rate_limit.policy import Client, Decision, Policy
from app.telemetry.metrics import Metrics
from app.web.environ import ROUTE_KEY, client_address, keys_of_client
from app.web.journey import has_finished_sign_in
from app.web.navigation import is_navigation
from app.web.paths import BACKCHANNEL_LOGOUT, LOGIN, METRICS, UNLIMITED, VERIFY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

READING = frozenset({"GET", "HEAD"})


class RateLimitMiddleware:
    """Charges each request to the default limit; an unknown path and a sign-in to a second one, too.

    A proxy asks /auth/verify about each file of a page, so only refusals are charged there. /metrics, too,
    charges only those who may not read it; they are charged as for an unknown path. Logout tokens that
    are not valid are charged. A finished sign-in gives its charge back, so that the people of one office,
    behind one address, can all sign in.

    Args:
        limiter: the store and its policies.
        metrics: count the decisions.
        exempts_loopback: whether clients on this machine have no limits, as in development.
        has_choice: whether a login that names no provider only shows a page to choose from.
    """

    def __init__(
        self,
        *,
        limiter: Limiter,
        metrics: Metrics,
        exempts_loopback: bool,
        has_choice: bool,
    ) -> None:
        self._store = limiter.store
        self._usual = _Charge([limiter.default], metrics)
        self._not_found = _Charge([limiter.default, limiter.not_found], metrics)
        self._sign_in = _Charge([limiter.default, limiter.sign_in], metrics)
        self._guess = _Charge([limiter.not_found], metrics)
        self._exempts_loopback = exempts_loopback
        self._has_choice = has_choice

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        environ = req.env
        if self._is_exempt(environ):
            return
        client = keys_of_client(environ)
        method = environ["REQUEST_METHOD"]
        if environ[ROUTE_KEY] == METRICS:
            # A token may be a guess. After too many of them the next one is refused unread.
            if "HTTP_AUTHORIZATION" in environ:
                decision = self._store.peek(client, self._guess.policies)
                if not decision.is_admitted:
                    self._guess.apply(decision, resp, is_charged=False)
            req.context.charge_later = partial(self._charge_stranger, client)
            return
        if environ[ROUTE_KEY] == VERIFY and method in READING:
            self._usual.apply(self._store.peek(client, self._usual.policies), resp, is_charged=False)
            req.context.charge_later = partial(self._charge_unverified, client)
            return
        if environ[ROUTE_KEY] == BACKCHANNEL_LOGOUT and method == "POST":
            self._usual.apply(self._store.peek(client, self._usual.policies), resp, is_charged=False)
            req.context.charge_later = partial(self._charge_invalid_logout, client)
            return
        charge = self._charge(req)
        charge.apply(self._store.spend(client, charge.policies), resp)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001
    ) -> None:
        """Charges a client that may not read the metrics, end a session or pass a proxy.

        Raises:
            RateLimitedError: the client was refused too often.
        """
        if has_finished_sign_in(req):
            # Who finishes what they began has cost the provider nothing for nothing.
            self._store.give_back(keys_of_client(req.env), self._sign_in.policies[1:])
        charge_later: Callable[[falcon.Response, int], None] | None
        if charge_later := getattr(req.context, "charge_later", None):
            charge_later(resp, falcon.http_status_to_code(resp.status))

    def _charge_stranger(self, client: Client, resp: falcon.Response, status: int) -> None:
        """Charges who may not read the metrics as for an unknown path."""
        if status == HTTPStatus.NOT_FOUND:
            self._not_found.apply(self._store.spend(client, self._not_found.policies), resp)

    def _charge_invalid_logout(self, client: Client, resp: falcon.Response, status: int) -> None:
        """Charges a logout token that is not valid, or cannot be verified."""
        if status >= HTTPStatus.BAD_REQUEST:
            self._charge_again(client, resp)

    def _charge_unverified(self, client: Client, resp: falcon.Response, status: int) -> None:
        """Charges a refusal of /auth/verify; of strangers without a way to the sign-in, also as a guess.

        The policies are charged separately: with both in one decision, a second one without quota would keep
        the first from being charged.
        """
        if not 300 <= status < 500:  # noqa: PLR2004  # HTTP's
            return
        is_guess = status == HTTPStatus.UNAUTHORIZED and resp.get_header("Location") is None
        try:
            self._charge_again(client, resp)
            if is_guess:
                self._guess.apply(self._store.spend(client, self._guess.policies), resp)
        except RateLimitedError:
            for name in ("Location", "WWW-Authenticate"):
                resp.delete_header(name)
            raise

    def _charge_again(self, client: Client, resp: falcon.Response) -> None:
        """Charges a request that was looked at for free, and says so in its headers."""
        for name in ("RateLimit", "RateLimit-Policy"):
            resp.delete_header(name)
        self._usual.apply(self._store.spend(client, self._usual.policies), resp)

    def _charge(self, req: falcon.Request) -> "_Charge":
        environ = req.env
        if environ[ROUTE_KEY] is None:
            return self._not_found
        # Only what begins a sign-in: with images, any website could use up the limit of its visitors.
        if environ[ROUTE_KEY] == LOGIN and environ["REQUEST_METHOD"] in READING and is_navigation(environ):
            is_choice = self._has_choice and req.get_param("provider") is None
            return self._usual if is_choice else self._sign_in
        return self._usual

    def _is_exempt(self, environ: "WSGIEnvironment") -> bool:
        if environ[ROUTE_KEY] in UNLIMITED:
            return True
        if self._exempts_loopback and (client := client_address(environ)) and client.address.is_loopback:
            return True
        return (
            environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ORIGIN" in environ
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        )


class _Charge:
    """The policies that a kind of request is charged to, and what a decision of theirs does to the answer."""

    def __init__(self, policies: Sequence[Policy], metrics: Metrics) -> None:
        self.policies = policies
        self._header = ", ".join(
            f'"{policy.name}";q={policy.limit.count};w={policy.limit.seconds}' for policy in policies
        )
        counter = metrics.rate_limit_decisions
        self._allowed = [counter.labels(policy.name, "allowed") for policy in policies]
        self._refused = [counter.labels(policy.name, "refused") for policy in policies]

    def apply(self, decision: Decision, resp: falcon.Response, *, is_charged: bool = True) -> None:
        """Sets the headers, counts the decision, and refuses where it says so.

        In RateLimit, `r` is how many requests may come at once, and `t` the seconds until the quota is full
        again. A refusal lists only the policies that refuse; there `t` is the seconds until the next request
        is admitted, and Retry-After is the longest of them. Where the networks around a client leave it less
        than its own quota does, `r` and `t` are theirs.

        Raises:
            RateLimitedError: the request is refused.
        """
        resp.append_header("RateLimit-Policy", self._header)
        standings = decision.standings(self.policies)
        if decision.is_admitted:
            for counter in self._allowed if is_charged else ():
                counter.inc()
            resp.append_header(
                "RateLimit",
                ", ".join(
                    [
                        _item(policy, limit, debt, _seconds(debt))
                        for policy, (limit, debt) in zip(self.policies, standings, strict=True)
                    ]
                ),
            )
            return
        items: list[str] = []
        longest = 0
        for policy, (limit, debt), counter in zip(self.policies, standings, self._refused, strict=True):
            if not limit.admits(debt):
                counter.inc()
                wait = _seconds(limit.wait(debt))
                longest = max(longest, wait)
                items.append(_item(policy, limit, debt, wait))
        resp.append_header("RateLimit", ", ".join(items))
        resp.set_header("Retry-After", str(longest))
        raise RateLimitedError


def _item(policy: Policy, limit: Limit, debt: int, seconds: int) -> str:
    return f'"{policy.name}";r={limit.remaining(debt)};t={seconds}'


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // NANOSECONDS_PER_SECOND)
