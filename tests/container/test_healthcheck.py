"""The health check by itself, with curl and without, against servers that answer one thing."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.service import ROOT, clean_environ, free_port

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"status":"ok"}'
CURL_THAT_TELLS = """\
#!/bin/sh
for url; do :; done
printf '\\n000 %s' "$url"
exit 7
"""
Answering = Callable[..., str]
Checked = subprocess.CompletedProcess[str]


@pytest.fixture(params=[pytest.param("curl", marks=pytest.mark.needs("curl")), "python"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH with curl or without, and with nothing else that the check does not need."""
    programs = ["dirname", "tr", *(["curl"] if request.param == "curl" else [])]
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found, program
        (folder / program).symlink_to(found)
    return str(folder)


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Starts a server that gives one caller the bytes it is given; returns its port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: bytes, address: str = "127.0.0.1") -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 0), family=family)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        listeners.append(listener)
        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return str(listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join(10)
    for listener in listeners:
        listener.close()


def check(path: str, *arguments: str, **environ: str) -> Checked:
    return subprocess.run(
        [ROOT / "bin" / "healthcheck", *arguments],
        env=clean_environ({"PATH": path, **environ}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def outcome(done: Checked) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


HEALTHY = (0, "", "")


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"ok"}',
        '{"status":"ok","timestamp":"2025-11-03T12:34:56.789Z"}',
        '{\r\n  "status": "ok"\r\n}\n',
    ],
)
def test_a_service_that_says_ok_is_healthy(path: str, answering: Answering, body: str) -> None:
    port = answering(OK.replace(b'{"status":"ok"}', body.encode()))
    assert outcome(check(path, PORT=port)) == HEALTHY


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::1", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_the_one_address_that_the_service_listens_on_is_asked(
    path: str, answering: Answering, host: str, address: str
) -> None:
    assert outcome(check(path, HOST=host, PORT=answering(OK, address))) == HEALTHY


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OK.replace(b"200 OK", b"503 Service Unavailable"), "/health answered 503 instead of 200."),
        (OK.replace(b"200 OK", b"302 Found\r\nLocation: /"), "/health answered 302 instead of 200."),
        (OK.replace(b"200 OK", b"2000 OK"), None),
        (OK.replace(b'"ok"', b'"unavailable"'), '/health answered 200 without the status "ok".'),
        (OK.replace(b'"ok"', b'"ok'), '/health answered 200 without the status "ok".'),
        (OK.replace(b'{"status":"ok"}', b'["ok"]'), '/health answered 200 without the status "ok".'),
        (OK.replace(b'{"status":"ok"}', b"ok"), '/health answered 200 without the status "ok".'),
        (OK.replace(b'{"status":"ok"}', b"\xff\n200"), '/health answered 200 without the status "ok".'),
        (OK.replace(b'{"status":"ok"}', b""), '/health answered 200 without the status "ok".'),
        (OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 16\r\n\r\n"), None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"", None),
    ],
)
def test_every_other_answer_is_unhealthy_and_its_reason_is_one_sentence(
    path: str, answering: Answering, answer: bytes, reason: str | None
) -> None:
    port = answering(answer)
    done = check(path, PORT=port)
    assert (done.returncode, done.stdout) == (1, "")
    if reason:
        assert done.stderr == f"{reason}\n"
    else:
        # In the words of curl or Python.
        assert done.stderr.startswith((f"No answer from 127.0.0.1 port {port}: ", "/health answered "))
        assert done.stderr.endswith(".\n")
        assert done.stderr.count("\n") == 1


def test_a_port_nobody_listens_on_is_unhealthy(path: str) -> None:
    port = free_port()
    done = check(path, PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"No answer from 127.0.0.1 port {port}: ")
    assert "refused" in done.stderr or "connect to server" in done.stderr


def test_an_answer_that_is_not_whole_within_five_seconds_is_unhealthy(path: str) -> None:
    """Each byte comes soon after the one before, so that only a limit for the whole can end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(OK[:-1])
                try:
                    while True:
                        connection.sendall(b" ")
                        time.sleep(0.2)
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        done = check(path, PORT=str(listener.getsockname()[1]))
        seconds = time.monotonic() - began
    assert done.returncode == 1
    assert "timed out" in done.stderr
    assert 4 < seconds < 9


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "30 00", "\N{FULLWIDTH DIGIT ONE}", "9" * 5000])
def test_a_port_that_is_no_port_number_is_said(path: str, port: str) -> None:
    said = f"PORT is '{port}', which is no port number.\n"
    assert outcome(check(path, PORT=port, LC_ALL="C.UTF-8")) == (1, "", said)


@pytest.mark.parametrize(
    ("host", "port", "asked"),
    [
        ("", "", "127.0.0.1:3000"),
        (" ", " ", "127.0.0.1:3000"),
        ("0.0.0.0", " 8080 ", "127.0.0.1:8080"),  # noqa: S104 (asked, not bound)
        ("::", "1", "127.0.0.1:1"),
        ("[::]", "65535", "127.0.0.1:65535"),
        ("*", "3000", "127.0.0.1:3000"),
        (" 10.1.2.3 ", "3000", "10.1.2.3:3000"),
        ("2001:db8::7", "3000", "[2001:db8::7]:3000"),
        ("[2001:db8::7]", "3000", "[2001:db8::7]:3000"),
    ],
)
def test_what_is_empty_counts_as_unset_and_all_addresses_as_this_machine(
    tmp_path: Path, host: str, port: str, asked: str
) -> None:
    curl = tmp_path / "curl"
    curl.write_text(CURL_THAT_TELLS)
    curl.chmod(0o755)
    done = check(str(tmp_path), HOST=host, PORT=port)
    assert done.stderr.endswith(f": http://{asked}/health.\n"), done.stderr


def test_neither_a_proxy_nor_a_curlrc_diverts_it(path: str, answering: Answering, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    (tmp_path / ".curlrc").write_text(f'proxy = "{nobody}"\n')
    proxies = {name: nobody for word in ("http_proxy", "all_proxy") for name in (word, word.upper())}
    done = check(path, PORT=answering(OK), HOME=str(tmp_path), CURL_HOME=str(tmp_path), **proxies)
    assert outcome(done) == HEALTHY


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["--verbose"], 2), ([""], 2), (["--help", "--help"], 2)],
)
def test_the_command_explains_itself(path: str, arguments: list[str], code: int) -> None:
    done = check(path, *arguments)
    assert done.returncode == code
    assert (done.stderr if code else done.stdout).startswith("usage: bin/healthcheck")
    assert (done.stdout if code else done.stderr) == ""
