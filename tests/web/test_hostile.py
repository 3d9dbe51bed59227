"""Ten thousand requests that try to break the log, or to get something into it that is not for it."""

import json
import random
import re
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.web.paths import CALLBACK
from tests.support.provider import client_at
from tests.support.service import Service
from tests.support.waiting import until

REQUESTS = 10_000
AT_A_TIME = 6
SETTINGS = {
    **client_at("https://127.0.0.1:9"),
    "RATE_LIMIT": "1000000/second",
    "RATE_LIMIT_NOT_FOUND": "1000000/second",
    "RATE_LIMIT_SIGN_IN": "1000000/second",
}

FORGED = b'{"level":"error","message":"forged","request_id":"forged"}'
NASTY = [
    b'"',
    b'\\"}',
    b"\\",
    b"'",
    b"%0d%0a" + FORGED,
    b"%00%1b[31m",
    b"\r\n" + FORGED,
    b"\n" + FORGED + b"\n",
    b"\r" + FORGED,
    b"\r\n\r\n" + FORGED + b"\r\n",
    b"\r\n\r\nGET /forged HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nX-Request-ID: header",
    b"\r\n\tfolded",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8\xe2\x80\xa9",
    b"\xc2\x85\x85",
    b"\xf0\x9f\x94\x8d",
    b"\0",
    b"\x7f\x08\x1b[2J\x1b]0;forged\x07",
    FORGED,
    b"%s %d %(message)s {message} ${jndi:ldap://forged}",
    b"a, b; c=d",
    b"\t \x0b\x0c",
    b"x" * 3000,
    b"y" * 9000,
]
HEADERS = [
    b"User-Agent",
    b"X-Request-ID",
    b"Traceparent",
    b"Tracestate",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"Forwarded",
    b"Cookie",
    b"Authorization",
    b"Origin",
    b"Host",
    b"Referer",
    b"Accept",
    b"Content-Type",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Expect",
]
METHODS = [b"GET", b"GET", b"GET", b"HEAD", b"POST", b"BREW", b"OPTIONS"]
PATHS = [b"/", b"/auth/session", b"/auth/login", b"/auth/callback", b"/auth/register", b"/nowhere"]
SECRETS = {
    "path": "path-sEcReT",
    "query": "query-sEcReT",
    "cookie": "cookie-sEcReT",
    "bearer": "bearer-sEcReT",
    "body": "body-sEcReT",
    "email": "sEcReT@example.com",
}


def hostile(number: int) -> bytes:
    """A whole request with all the secrets, and with something nasty in one place or two."""
    source = random.Random(number)  # noqa: S311  # the same hostility at every run
    planted: dict[str, bytes] = dict.fromkeys(("method", "path", "query", *map(bytes.decode, HEADERS)), b"")
    for place in source.sample(list(planted), source.randint(1, 2)):
        planted[place] = source.choice(NASTY)
    body = json.dumps({"name": SECRETS["body"], "picture": SECRETS["email"]}).encode()
    usual = {
        b"Host": b"localhost",
        b"Cookie": f"__Host-session={SECRETS['cookie']}".encode(),
        b"Authorization": f"Bearer {SECRETS['bearer']}".encode(),
        b"Content-Type": b"application/json",
        b"Content-Length": str(len(body)).encode(),
        b"Referer": f"https://app.example.com/?email={SECRETS['email']}".encode(),
    }
    path = source.choice(PATHS) + (f"/{SECRETS['path']}".encode() if number % 3 else b"")
    query = f"code={SECRETS['query']}&login_hint={SECRETS['email']}".encode()
    first = b"%s%s %s%s?%s%s HTTP/1.1" % (
        source.choice(METHODS),
        planted["method"],
        path,
        planted["path"],
        query,
        planted["query"],
    )
    # Before all that may end the head early: what follows is then dropped with the connection.
    lines = [first, b"Connection: close"]
    sent = [name for name in HEADERS if name in usual or planted[name.decode()]]
    lines += [b"%s: %s%s" % (name, usual.get(name, b""), planted[name.decode()]) for name in sent]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(port: int, request: bytes) -> bytes:
    """All that comes back before the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_ten_thousand_hostile_requests_leave_one_line_each_and_no_secret(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(**SETTINGS)
    service.wait_until_serving()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        answers = list(pool.map(lambda number: answer(service.port, hostile(number)), range(REQUESTS)))

    def records() -> list[dict[str, Any]]:
        parsed = map(json.loads, list(service.lines))
        return [record for record in parsed if record["message"] in {"Request", "Invalid request"}]

    until(lambda: len(records()) > REQUESTS, seconds=20, what="all lines")
    logged = [record for record in records() if record.get("route") != "/health"]
    assert {record["message"] for record in logged} == {"Request", "Invalid request"}
    # As many, and the same: what an answer is called is what its line is called, once.
    assert Counter(record["request_id"] for record in logged) == Counter(map(request_id, answers))
    for record in logged:
        assert record["client"]
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", record["request_id"])
        if record["message"] == "Request":
            assert record["route"] in {*map(bytes.decode, PATHS), "unmatched", CALLBACK} - {"/nowhere"}
            assert isinstance(record["status"], int)
            assert isinstance(record["duration_ms"], float)
    assert [name for name, secret in SECRETS.items() if secret in service.output] == []
    assert "forged" not in service.output
    assert all(line.isprintable() for line in service.lines)


def request_id(answer: bytes) -> str:
    """The answer's, which is one answer and has what every answer has."""
    [found] = re.findall(rb"\r\nX-Request-ID: (\S+)\r\n", answer, re.IGNORECASE)
    assert answer.startswith(b"HTTP/1.1 ")
    assert re.search(rb"\r\nVary: ([^\r]*, )?Origin\r\n", answer, re.IGNORECASE)
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer or b"x-content-type-options" in answer
    return bytes(found).decode()
