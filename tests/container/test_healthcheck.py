"""The health check by itself, against servers that answer one thing. They need no image."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from app import healthcheck

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status":"ok"}'
Answering = Callable[[bytes], str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Starts a server that gives every caller the bytes it is given; returns its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return str(listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


@pytest.mark.parametrize("host", [*healthcheck.EVERY_ADDRESS, "127.0.0.1", " localhost "])
def test_a_service_that_says_ok_is_healthy_whatever_it_listens_on(answering: Answering, host: str) -> None:
    healthcheck.check(host, answering(OK))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OK.replace(b"200 OK", b"503 Service Unavailable"), "503 Service Unavailable"),
        (OK.replace(b"200 OK", b"2000 OK"), "2000 OK"),
        (OK.replace(b'"ok"', b'"unavailable"'), "status 'unavailable'"),
        (OK.replace(b'{"status":"ok"}', b'["ok"]'), "status None"),
        (OK.replace(b'{"status":"ok"}', b"ok"), "without JSON"),
        (OK.replace(b'{"status":"ok"}', b"\xff"), "without JSON"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "instead of 200"),
        (b"", "instead of 200"),
    ],
)
def test_every_other_answer_is_unhealthy_and_its_reason_is_one_sentence(
    answering: Answering, answer: bytes, reason: str
) -> None:
    with pytest.raises(healthcheck.UnhealthyError, match=reason):
        healthcheck.check("", answering(answer))


def test_a_port_nobody_listens_on_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    with pytest.raises(healthcheck.UnhealthyError, match=f"No answer from 127.0.0.1 port {port}"):
        healthcheck.check("", port)


def test_a_service_that_accepts_and_stays_silent_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthcheck, "TIMEOUT_SECONDS", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(healthcheck.UnhealthyError, match="timed out"),
    ):
        healthcheck.check("", str(silent.getsockname()[1]))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "\N{FULLWIDTH DIGIT ONE}", "9" * 5000])
def test_a_port_that_is_no_port_number_is_said(port: str) -> None:
    with pytest.raises(healthcheck.UnhealthyError, match="no port number"):
        healthcheck.check("", port)


def test_the_command_exits_0_or_1_and_says_why(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["healthcheck"])
    monkeypatch.setenv("HOST", "")
    monkeypatch.setenv("PORT", answering(OK))
    assert healthcheck.main() == 0
    monkeypatch.setenv("PORT", "nonsense")
    assert healthcheck.main() == 1
    assert capsys.readouterr().err == "PORT is 'nonsense', which is no port number.\n"


def test_an_empty_port_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []

    def fetch(address: str, port: int) -> bytes:
        asked.append((address, port))
        return OK

    monkeypatch.setattr(healthcheck, "fetch", fetch)
    healthcheck.check("", "")
    healthcheck.check("10.1.2.3", "8080")
    assert asked == [("127.0.0.1", 3000), ("10.1.2.3", 8080)]


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--verbose", 2)])
def test_the_command_explains_itself(
    argument: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["healthcheck", argument])
    assert healthcheck.main() == code
    written = capsys.readouterr()
    assert "usage: bin/healthcheck" in written.out + written.err
