"""The service as clients meet it: real gunicorn processes, real sockets, the log they leave."""

import json
import re
import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
import requests
from psycopg.types.json import Jsonb

from app.accounts.credentials import Keyring, new_token
from dev.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE
from tests.support.databases import fresh_database
from tests.support.live_session import insert_live_session
from tests.support.log_watch import WATCH
from tests.support.service import PRODUCTION, ROOT, Service
from tests.support.waiting import until


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres, template=TEMPLATE) as url:
        yield url


@pytest.fixture(scope="module")
def service(url: str) -> Iterator[Service]:
    service = Service(database_url=url)
    try:
        service.wait_until_serving()
        yield service
    finally:
        service.kill()


def insert_pending_session(url: str) -> str:
    """The Cookie header of somebody who has signed in and not registered."""
    token = new_token()
    WATCH.secret("session token", token)
    person = {"issuer": "i", "subject": "s", "email": "a@example.com", "name": None, "picture": None}
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO sessions (token_hash, pending_identity, idle_expires_at, expires_at) "
            "VALUES (%s, %s, now() + interval '1 hour', now() + interval '1 hour')",
            (Keyring(PRODUCTION["SESSION_SECRET"]).token_hash(token), Jsonb(person)),
        )
    return f"__Host-session={token}"


def exchange(service: Service, request: bytes) -> bytes:
    """The raw answer to a raw request."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def lines_with(service: Service, words: str, count: int) -> list[str]:
    """The log lines that hold the words, once there are as many as expected."""

    def found() -> list[str]:
        return [line for line in list(service.lines) if words in line]

    until(lambda: len(found()) >= count, seconds=10, what=f"{count} lines with {words}")
    return found()


def test_the_answer_names_no_version(service: Service) -> None:
    headers = requests.get(f"{service.url}/health", timeout=5).headers
    assert "x-powered-by" not in headers
    assert not any(character.isdigit() for character in headers.get("server", ""))
    assert headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("session_comes", [0, 1, 2])
def test_several_lines_of_cookies_are_one(service: Service, url: str, session_comes: int) -> None:
    lines = ["theme=dark", "lang=en; a=b"]
    lines.insert(session_comes, insert_live_session(url)["Cookie"])
    cookies = "".join(f"Cookie: {line}\r\n" for line in lines)
    head = f"GET /auth/session HTTP/1.1\r\nHost: a\r\n{cookies}Connection: close\r\n\r\n"
    answer = exchange(service, head.encode())
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["authenticated"] is True


def test_sessions_in_two_lines_are_two(service: Service, url: str) -> None:
    lines = [insert_live_session(url)["Cookie"] for _ in range(2)]
    cookies = "".join(f"Cookie: {line}\r\n" for line in lines)
    head = f"GET /auth/session HTTP/1.1\r\nHost: a\r\n{cookies}Connection: close\r\n\r\n"
    assert b'"authenticated":false' in exchange(service, head.encode())


def test_a_head_of_almost_32_kib_is_read_and_a_longer_one_refused(service: Service, url: str) -> None:
    own = insert_live_session(url)["Cookie"]
    for size, status in ((32_000, b"200"), (33_000, b"431")):
        others = "; ".join(f"c{number}={'x' * 95}" for number in range(size // 101))
        lines = [
            "GET /auth/verify?anyone=1 HTTP/1.1",
            "Host: a",
            f"Cookie: {others}; {own}",
            "Connection: close",
        ]
        answer = exchange(service, "\r\n".join([*lines, "", ""]).encode())
        assert answer.split()[1] == status


def test_a_chunked_body_is_read_and_counted(service: Service, url: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "Sec-Fetch-Site": "same-origin",
        "Cookie": insert_pending_session(url),
    }
    path = f"{service.url}/auth/register"
    long = requests.post(path, data=iter([b" " * 40_000] * 2), headers=headers, timeout=5)
    assert (long.status_code, long.json()["code"]) == (413, "body_too_large")
    broken = requests.post(path, data=iter([b"{", b"]"]), headers=headers, timeout=5)
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_json")
    fine = requests.post(path, data=iter([b"{", b"}"]), headers=headers, timeout=5)
    assert (fine.status_code, fine.json()["email"]) == (201, "a@example.com")


def head_of_chunks(url: str) -> bytes:
    """Of a change to the account of somebody signed in."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in insert_live_session(url).items())
    return (
        f"PATCH /auth/user HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\n{lines}"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def test_a_chunked_body_in_pieces_that_all_look_like_its_end_is_answered_at_once(
    service: Service, url: str
) -> None:
    # A body that stands still for five seconds is answered as it is.
    with socket.create_connection(("127.0.0.1", service.port), timeout=4) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head_of_chunks(url) + b'c\r\n{"name":"A"}\r\n')
        for piece in [b"4\r\n\r\n\r\n\r\n"] * 10 + [b"0\r\n\r\n"]:
            time.sleep(0.02)
            connection.sendall(piece)
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_chunks_whose_frames_are_too_much_are_a_body_too_large(service: Service, url: str) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head_of_chunks(url) + b"1\r\n \r\n" * 30_000)
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_two_cookie_headers_are_no_way_around(service: Service) -> None:
    token = b"x" * 43
    answer = exchange(
        service,
        b"GET /auth/session HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"Cookie: __Host-session=" + token + b"\r\nCookie: __Host-session=" + token + b"\r\n\r\n",
    )
    assert b'"authenticated":false' in answer
    assert b"__Host-session=;" in answer.replace(b'=""', b"=")


def test_forged_forwarding_headers_change_no_redirect(service: Service) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    answer = requests.get(f"{service.url}/auth/callback", headers=forged, allow_redirects=False, timeout=5)
    assert answer.headers["Location"] == "https://app.example.com/auth/login?error=invalid_state"


def test_a_requests_record_has_the_documented_fields_and_no_others(service: Service) -> None:
    """A refused request has all of them."""
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    headers = {"X-Request-ID": "documented", "Traceparent": trace, "Origin": "https://evil.example"}
    requests.get(f"{service.url}/auth/session?code=x", headers=headers, timeout=5)
    [line] = lines_with(service, '"documented"', 1)
    page = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
    cells = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert json.loads(line).keys() == documented - {"event", "exception"}


def test_a_trace_that_is_one_is_honoured(service: Service) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    values = [f"00-{trace}-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", "nonsense"]
    for number, value in enumerate(values):
        headers = {"Traceparent": value, "X-Request-ID": f"traced-{number}"}
        requests.get(f"{service.url}/", headers=headers, timeout=5)
    # Two workers write them, in any order.
    lines = [lines_with(service, f'"traced-{number}"', 1)[0] for number in range(len(values))]
    assert [json.loads(line).get("trace_id") for line in lines] == [trace, None, None]


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        (b"GET /auth/callback?code=secret-code\xff HTTP/1.1", b"", 400),
        (b"GET /?" + b"x" * 9000 + b" HTTP/1.1", b"", 414),
        (b"GET / HTTP/1.1", b"Cookie: secret-cookie" + b"x" * 33000 + b"\r\n", 431),
        (b"GET / HTTP/1.1", b"X: \x7f\r\n", 400),
        (b"nonsense", b"", 400),
    ],
)
def test_what_is_no_request_gets_a_problem_and_shows_nothing_in_the_log(
    service: Service, request_line: bytes, headers: bytes, status: int
) -> None:
    answer = exchange(service, request_line + b"\r\nHost: a\r\n" + headers + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert b"Strict-Transport-Security" in head
    assert b"Vary: Origin" in head
    problem = json.loads(body)
    assert (problem["status"], problem["request_id"].encode() in head) == (status, True)
    [line] = lines_with(service, problem["request_id"], 1)
    told = json.loads(line)
    assert (told["message"], told["status"], told["code"]) == ("Invalid request", status, problem["code"])
    assert "secret-c" not in service.output


def test_an_answer_leaves_in_one_piece(service: Service) -> None:
    pieces = set()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            pieces.add(connection.recv(65536).partition(b"\r\n\r\n")[2])
    assert pieces == {b'{"message":"Backend is live."}'}


def test_who_asks_for_leave_to_send_a_body_gets_it_at_once(service: Service, url: str) -> None:
    session = insert_live_session(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in session.items())
    head = "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    taken = []
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            began = time.monotonic()
            connection.sendall(f"POST /auth/tokens HTTP/1.1\r\nHost: a\r\n{lines}{head}".encode())
            assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            taken.append(time.monotonic() - began)
    # Kept back with the answer, it would never come: the answer waits for the body.
    assert min(taken) < 0.15
