"""docs/adr/0019-gunicorn-issues.md: gunicorn still does what each issue says."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.pages import Block, Page, rows
from tests.support.service import ROOT, clean_environ, free_port
from tests.support.waiting import until

PAGE = Page("adr/0019-gunicorn-issues.md")
[APP] = [block for block in PAGE.blocks("python") if "start_response" in block.text]
TOLD_AT_BIRTH, WITHOUT_HANDLER = (block for block in PAGE.blocks("python") if block != APP)
GUNICORN = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
END = b"Host: a\r\nConnection: close\r\n"
PARSERS = ("python", "fast")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text(APP.text)
    return tmp_path


def ended(folder: Path, configuration: Block, *options: str) -> str:
    """What a gunicorn that ends by itself has printed."""
    (folder / "conf.py").write_text(configuration.text)
    bind = ["--bind", f"127.0.0.1:{free_port()}", "--config", "conf.py"]
    command = [*GUNICORN, *bind, *options, "hello:app"]
    return subprocess.run(
        command, cwd=folder, env=clean_environ({}), capture_output=True, text=True, timeout=60, check=False
    ).stderr


@contextmanager
def serving(folder: Path, parser: str) -> Iterator[int]:
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--threads", "2", "--http-parser", parser]
    process = subprocess.Popen(
        [*GUNICORN, *options, "hello:app"], cwd=folder, env=clean_environ({}), stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: status(port, b"GET / HTTP/1.1\r\n" + END + b"\r\n") == 200, seconds=30, what="gunicorn")
        yield port
    finally:
        process.terminate()
        process.wait(40)


def status(port: int, request: bytes) -> int | None:
    """The answer's; None where there is none within a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(request)
            return int(connection.recv(64).split(b" ")[1])
    except (TimeoutError, ConnectionRefusedError):
        return None


def test_it_speaks_of_the_versions_in_the_lock() -> None:
    lock = (ROOT / "requirements" / "fast.txt").read_text(encoding="utf-8")
    versions = dict(re.findall(r"^(\S+)==(\S+)", lock, re.MULTILINE))
    assert f"gunicorn {versions['gunicorn']} and gunicorn_h1c {versions['gunicorn-h1c']}" in PAGE.text


@pytest.mark.parametrize(("app", "configuration"), [(APP, TOLD_AT_BIRTH)], ids=str)
def test_a_worker_told_to_stop_at_its_birth_is_killed(app: Block, configuration: Block, folder: Path) -> None:
    said = ended(folder, configuration, "--graceful-timeout", "2")
    assert "Booting worker" in said
    assert "Shutting down: Master" in said
    assert "Worker exiting" not in said


@pytest.mark.needs("gunicorn_h1c")
def test_the_parsers_differ_and_neither_bounds_a_head(folder: Path) -> None:
    table = rows(PAGE.section("The parsers in C and in Python accept different requests"))
    lines = [line.strip("`") for line, _, _ in table]
    assert len(lines) == 3
    head = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 8000) for number in range(90))
    length = re.findall(r"`(Content-Length: \d+)`", PAGE.text)[0].encode()
    seen: dict[str, list[int | None]] = {}
    for parser in PARSERS:
        with serving(folder, parser) as port:
            seen[parser] = [
                *(status(port, line.encode() + b"\r\n" + END + b"\r\n") for line in lines),
                status(port, b"POST / HTTP/1.1\r\n" + END + length + b"\r\n\r\n"),
                status(port, b"GET / HTTP/1.1\r\n" + END + head + b"\r\n"),
            ]
    assert seen["python"] == [*(int(row[1]) for row in table), None, 200]
    assert seen["fast"] == [*(int(row[2]) for row in table), 400, 200]


@pytest.mark.parametrize("block", PAGE.blocks("sh"), ids=str)
def test_an_empty_variable_ends_the_start(block: Block, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", block.text],
        cwd=folder,
        env={**clean_environ({}), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"`{done.stderr.splitlines()[-1]}`" in PAGE.text


@pytest.mark.parametrize("configuration", [WITHOUT_HANDLER], ids=str)
def test_the_master_has_no_handler_when_it_starts(configuration: Block, folder: Path) -> None:
    (folder / "conf.py").write_text(configuration.text)
    port = free_port()
    command = [*GUNICORN, "--bind", f"127.0.0.1:{port}", "--config", "conf.py", "hello:app"]
    environ = clean_environ({"PYTHONUNBUFFERED": "1"})
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "handler: SIG_DFL\n"
        until(lambda: status(port, b"GET / HTTP/1.1\r\n" + END + b"\r\n"), seconds=30, what="gunicorn")
        process.terminate()
