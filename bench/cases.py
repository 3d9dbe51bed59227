"""The requests that every server gets, and the answers that it must give."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from bench.servers import PROXIED, Running
from tests.support.service import PRODUCTION

UNLIMITED = "1000000/second"
EXHAUSTED = "10/hour"
ATTEMPTS_TO_EXHAUST = 12
ORIGIN = {"Origin": PRODUCTION["WEBAPP_URL"]}
STACKS = ("ours", "fastify", "fastapi", "flask")
"""The servers that do all of this service's work: itself first, then its peers."""
OK = 200
TOO_MANY_REQUESTS = 429
ANONYMOUS = {"authenticated": False, "registered": False, "user": None, "expires_at": None}


class WrongAnswerError(Exception):
    """A server does not do all of the work; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request that some servers are measured with.

    Attributes:
        name: of the case, for --only and in the results.
        title: of the case, for the page.
        servers: the names of the servers that get it.
        connections: how many of wrk's.
        rate_limit: the limit that those servers are started with.
        status: the status of every answer.
    """

    name: str
    title: str
    path: str
    servers: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    is_signed_in: bool = False
    rate_limit: str = UNLIMITED
    connections: int = 32
    status: int = OK

    def headers_for(self, cookie: str) -> dict[str, str]:
        return {**PROXIED, **self.headers, **({"Cookie": cookie} if self.is_signed_in else {})}


CASES = [
    Case("health", "`/health`", "/health", (*STACKS, "gthread")),
    Case(
        "session",
        "`/auth/session`, signed in",
        "/auth/session",
        (*STACKS, "gthread"),
        ORIGIN,
        is_signed_in=True,
    ),
    Case(
        "verify",
        "`/auth/verify`, signed in",
        "/auth/verify?anyone=1",
        (*STACKS, "gthread"),
        is_signed_in=True,
    ),
    Case(
        "refused",
        "`/auth/session`, 429",
        "/auth/session",
        STACKS,
        ORIGIN,
        rate_limit=EXHAUSTED,
        status=TOO_MANY_REQUESTS,
    ),
    Case("anonymous", "`/auth/session`, anonymous", "/auth/session", STACKS, ORIGIN),
    Case("health64", "`/health`, 64 connections", "/health", (*STACKS, "gthread"), connections=64),
]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}


def check(case: Case, server: str, running: Running, *, cookie: str, user: Mapping[str, Any]) -> None:
    """Sends the request, often enough to use up the limit of a case of refusals, and checks the last answer.

    Args:
        case: the request.
        server: the server's name.
        running: the server.
        cookie: the signed-in user's.
        user: the user as /auth/session shows them.

    Raises:
        WrongAnswerError: something of the answer is wrong or missing.
    """
    url, headers = running.url + case.path, case.headers_for(cookie)
    for _ in range(ATTEMPTS_TO_EXHAUST if case.status == TOO_MANY_REQUESTS else 1):
        answer = requests.get(url, headers=headers, timeout=10)
    faults = [f"status {answer.status_code}"] if answer.status_code != case.status else []
    if server in STACKS:
        faults += _header_faults(case, answer, user)
        faults += _body_faults(case, answer, user)
    if faults:
        raise WrongAnswerError(f"{server}, {case.name}: {'; '.join(faults)}: {answer.text[:500]}")


def _header_faults(case: Case, answer: requests.Response, user: Mapping[str, Any]) -> list[str]:
    expected = dict(SECURITY_HEADERS)
    if "Origin" in case.headers:
        expected["Access-Control-Allow-Origin"] = case.headers["Origin"]
        expected["Access-Control-Allow-Credentials"] = "true"
    if case.name == "verify":
        expected["X-Auth-User-Id"] = user["id"]
        expected["X-Auth-Email"] = user["email"]
        expected["X-Auth-Name"] = user["name"]
    return [
        f"{name} is {answer.headers.get(name)!r}"
        for name, value in expected.items()
        if _normalized(answer.headers.get(name, "")) != _normalized(value)
    ]


def _normalized(value: str) -> str:
    """Without the differences in blanks and case that the grammars of these headers allow."""
    return value.lower().replace(" ", "").rstrip(";")


def _body_faults(case: Case, answer: requests.Response, user: Mapping[str, Any]) -> list[str]:
    if case.name == "verify":
        return ["a body"] if answer.content else []
    if case.status != OK:
        return []
    body = json.loads(answer.content)
    if case.path == "/health":
        return [] if set(body) == {"status", "timestamp"} and body["status"] == "ok" else ["another body"]
    if case.name == "anonymous":
        return [] if body == ANONYMOUS else ["another body"]
    if case.name == "session":
        wanted = {"authenticated": True, "registered": True, "user": user}
        # The peers know no groups.
        (body["user"] or {}).pop("groups", None)
        expires_at = body.pop("expires_at", None)
        return [] if body == wanted and expires_at else ["another body"]
    raise ValueError(case.name)
