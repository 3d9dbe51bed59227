"""Our worker beside gunicorn's own with its parser in Python: the same answers to the same bytes.

What may differ is in `excused`, with its reason.
"""

import json
import re
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from random import Random, SystemRandom

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from app.server.head import END, MAX_HEAD
from app.web.json_body import MAX_BODY_BYTES
from tests.support.echoing import echoing
from tests.support.sequences import BODIES, HEADERS, METHODS, SPECIAL, TARGETS, VERSIONS, Pieces, corpus, cut

COUNT = 5000
SECONDS = 60
SERVERS = {
    "theirs": {"ECHO_WORKER": "gthread", "ECHO_PARSER": "python"},
    "ours": {"ECHO_WORKER": "app.server.worker.Worker", "ECHO_PARSER": "auto"},
    "ours, parser in Python": {"ECHO_WORKER": "app.server.worker.Worker", "ECHO_PARSER": "python"},
    "ours, without epoll": {"ECHO_WORKER": "app.server.worker.Worker", "ECHO_LACKS_EPOLL": "1"},
}
REFUSALS = {400, 414, 417, 431, 501}
OURS = [name for name in SERVERS if name != "theirs"]
PARSERS = OURS[:2]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, whether the connection goes on after it, and what the application was told, if it was asked."""

    status: int
    is_last: bool
    told: str


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(echoing(**environ)) for name, environ in SERVERS.items()}


def ask(port: int, pieces: Pieces) -> list[Answer]:
    """All answers, to a client that sends no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        with suppress(ConnectionResetError):
            while data := connection.recv(65536):
                received += data
    return list(answers(bytes(received)))


def answers(received: bytes) -> Iterator[Answer]:
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = dict(re.findall(rb"\r\n([^:]+): ([^\r]*)", head))
        if status == 100:
            continue
        length = int(fields.get(b"Content-Length", 0))
        body, rest = received[:length], received[length:]
        if status == 200 and not body.startswith(b"{"):
            # To HEAD.
            body, rest = b"", received
        yield Answer(status, fields[b"Connection"] == b"close", body.decode() if status == 200 else "")
        received = rest


def differences(
    ours: Sequence[Answer], theirs: Sequence[Answer], sent: bytes, *, ended: Sequence[Answer] = ()
) -> list[tuple[object, object]]:
    """Pairs of answers that differ without a reason.

    `ended` is what we answer when the last head gets an end. gunicorn's parser in Python may refuse one for
    its beginning; we wait for the end, and refuse it then.
    """
    found: list[tuple[object, object]] = []
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else None
        other = theirs[number] if number < len(theirs) else None
        if mine == other:
            continue
        if mine is None and [answer.status for answer in ended[number:]] in ([400], [414], [417], [431]):
            break
        if excused(mine, other, sent):
            break
        found.append((mine, other))
    return found


def excused(ours: Answer | None, theirs: Answer | None, sent: bytes) -> bool:
    """Whether they may differ. After a difference the rest of a connection does, too."""
    mine = ours.status if ours else None
    other = theirs.status if theirs else None
    is_chunked = re.search(rb"(?i)transfer-encoding", sent) is not None
    reasons = {
        "of two faults either may be named; an unknown coding is a 400 with both of gunicorn's parsers": (
            {mine, other} <= REFUSALS
        ),
        "HTTP/1.2 is none that the parser in C takes": mine == 400 and b"HTTP/1.2" in sent,
        "a body of more than 2 ** 63 bytes is none that the parser in C takes": (
            mine == 400 and re.search(rb"(?i)content-length:\s*\d{19}", sent)
        ),
        "broken chunks are refused before the application is asked, not after its answer": (
            mine == 400 and is_chunked and other in {None, 200}
        ),
        "the whole head is bounded": mine == 431 and len(sent) > MAX_HEAD,
        "a body over 64 KiB is not waited for: the application refuses it by its length": (
            any(int(length) > MAX_BODY_BYTES for length in re.findall(rb"(?i)content-length:\s*(\d+)", sent))
        ),
        "chunks that end in their midst: nobody is asked, and there is no second answer": (
            mine is None and is_chunked
        ),
        "what comes after a body that is not whole is no request: we say so before": (
            ours and theirs and (ours.told, mine) == (theirs.told, other) and ours.is_last
        ),
    }
    return any(reasons.values())


def check(ports: dict[str, int], pieces: Pieces, names: Sequence[str] = OURS) -> list[tuple[object, ...]]:
    theirs = ask(ports["theirs"], pieces)
    sent = b"".join(pieces)
    found: list[tuple[object, ...]] = []
    for name in names:
        ours = ask(ports[name], pieces)
        ended = ask(ports[name], [*pieces, END]) if len(ours) < len(theirs) else []
        found += [(name, list(pieces), pair) for pair in differences(ours, theirs, sent, ended=ended)]
    return found


def test_five_thousand_sequences_get_the_answers_that_gunicorn_gives(ports: dict[str, int]) -> None:
    sequences = list(corpus(COUNT))
    assert len(sequences) >= COUNT
    with ThreadPoolExecutor(8) as clients:
        answers = clients.map(lambda pieces: check(ports, pieces, PARSERS), sequences)
        found = [each for some in answers for each in some]
    assert found == []


requests = st.builds(
    lambda method, target, version, lines, body: (
        b"%s %s %s\r\n%s\r\n%s" % (method, target, version, b"".join(line + b"\r\n" for line in lines), body)
    ),
    st.sampled_from(METHODS) | st.binary(max_size=4),
    st.sampled_from(TARGETS) | st.binary(max_size=20),
    st.sampled_from(VERSIONS),
    st.lists(st.sampled_from([b"Host: a", *HEADERS]) | st.binary(max_size=20), max_size=5),
    st.sampled_from(BODIES) | st.binary(max_size=20),
)
damages = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SPECIAL)), max_size=2)


@pytest.mark.full
def test_a_minute_of_arbitrary_sequences_finds_no_difference(ports: dict[str, int]) -> None:
    end = time.monotonic() + SECONDS

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(requests, min_size=1, max_size=3), damages, st.integers(0, 2**32))
    def look(sent: list[bytes], damaged: list[tuple[float, bytes]], chance: int) -> None:
        whole = b"".join(sent)
        for place, special in damaged:
            at = int(place * len(whole))
            whole = whole[:at] + special + whole[at:]
        assert check(ports, cut(Random(chance), whole)) == []  # noqa: S311  # so that it can be repeated

    begin = SystemRandom().getrandbits(32)
    # Shown if it fails: the same number finds the same sequences.
    print(f"seeds from {begin} on")  # noqa: T201
    for number in count(begin):
        if time.monotonic() > end:
            break
        seed(number)(look)()


def test_a_difference_would_be_seen() -> None:
    told = Answer(200, is_last=False, told=json.dumps({"PATH_INFO": "/a"}))
    other = Answer(200, is_last=False, told=json.dumps({"PATH_INFO": "/b"}))
    assert differences([told], [other], b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n") == [(told, other)]
    assert differences([told, told], [told], b"") == [(told, None)]
