"""Asks the service next door whether it is alive; what Docker's HEALTHCHECK runs.

It runs in every replica every 30 seconds beside the service, so it imports nothing that socket and json
do not: http.client, urllib and argparse would cost more than the request.
"""

import json
import os
import re
import socket
import sys
import time

USAGE = """usage: bin/healthcheck [--help]

Exits 0 when GET /health on this machine's PORT (default 3000) answers 200 with the status "ok" within
5 seconds, otherwise 1 with the reason. HOST is asked when it is one address rather than all of them.
"""
TIMEOUT_SECONDS = 5
LARGEST_ANSWER = 65_536
PORT_NUMBER = re.compile("[0-9]{1,5}")
HIGHEST_PORT = 65_535
EVERY_ADDRESS = ("", "0.0.0.0", "::", "[::]", "*")  # noqa: S104 (compared with, never bound)


class UnhealthyError(Exception):
    """The service gave no answer, or one that is not ok; the message is one sentence for people."""


def main() -> int:
    """Returns the exit code: 0 healthy, 1 not, 2 for an argument it does not know."""
    arguments = sys.argv[1:]
    if arguments == ["--help"]:
        sys.stdout.write(USAGE)
        return 0
    if arguments:
        sys.stderr.write(USAGE)
        return 2
    try:
        check(os.environ.get("HOST", ""), os.environ.get("PORT", ""))
    except UnhealthyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def check(host: str, port: str) -> None:
    """Returns when the service is healthy.

    Args:
        host: what the service listens on; a wildcard or nothing means 127.0.0.1 is asked.
        port: its port; nothing means 3000.

    Raises:
        UnhealthyError: for every other outcome.
    """
    address = "127.0.0.1" if host.strip() in EVERY_ADDRESS else host.strip().strip("[]")
    number = port.strip() or "3000"
    if not (PORT_NUMBER.fullmatch(number) and 0 < int(number) <= HIGHEST_PORT):
        raise UnhealthyError(f"PORT is {number!r}, which is no port number.")
    try:
        answer = fetch(address, int(number))
    except OSError as error:
        raise UnhealthyError(f"No answer from {address} port {number}: {error}.") from error
    judge(answer)


def fetch(address: str, port: int) -> bytes:
    """Returns the raw answer to GET /health, headers included.

    HTTP/1.0 keeps the answer free of chunks and makes the server close the connection after it.

    Raises:
        OSError: without a connection or a whole answer within TIMEOUT_SECONDS.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    answer = b""
    with socket.create_connection((address, port), TIMEOUT_SECONDS) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\nUser-Agent: bin/healthcheck\r\n\r\n")
        while len(answer) <= LARGEST_ANSWER:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            connection.settimeout(remaining)
            received = connection.recv(LARGEST_ANSWER)
            if not received:
                break
            answer += received
    return answer


def judge(answer: bytes) -> None:
    """Returns when a raw HTTP answer is a 200 whose JSON body has the status "ok".

    Raises:
        UnhealthyError: for every other answer.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line = head.partition(b"\r\n")[0].decode("latin-1")
    if not status_line.startswith("HTTP/") or status_line.split()[1:2] != ["200"]:
        raise UnhealthyError(f"/health answered {status_line[:80]!r} instead of 200.")
    try:
        report = json.loads(body)
    except ValueError as error:
        raise UnhealthyError("/health answered 200 without JSON.") from error
    status = report.get("status") if isinstance(report, dict) else None
    if status != "ok":
        raise UnhealthyError(f"/health answered 200 with the status {status!r} instead of 'ok'.")


if __name__ == "__main__":
    sys.exit(main())
