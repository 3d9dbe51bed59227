"""A reader of the log that stops reading holds up nobody, and costs lines only when it stays away long."""

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from app.telemetry.log_writer import ImpatientWriter, LogWriter
from tests.support.service import PRODUCTION, ROOT, UNLIMITED, clean_environ, free_port
from tests.support.waiting import until

REQUESTS = 1500
PIPE_BYTES = 65_536
PAGE = 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_what_waits_is_written_before_it_closes(pipe: tuple[int, int]) -> None:
    dropped: list[int] = []
    log = LogWriter(pipe[1], dropped.append)
    for number in range(1000):
        log.write(f"{number}\n")
    log.close()
    assert os.read(pipe[0], PIPE_BYTES).decode().split() == [str(number) for number in range(1000)]
    assert not dropped


def test_lines_beyond_the_limit_are_dropped_and_counted(pipe: tuple[int, int]) -> None:
    dropped: list[int] = []
    line = "x" * (PIPE_BYTES // 8 - 1) + "\n"
    log = LogWriter(pipe[1], dropped.append, limit=10)
    for _ in range(8):
        log.write(line)
    until(lambda: not log._lines, seconds=5, what="a full pipe")  # noqa: SLF001
    log.write("stuck\n")
    until(lambda: not log._lines, seconds=5, what="a writer that waits")  # noqa: SLF001
    for number in range(13):
        log.write(f"{number}\n")
    read = b""
    while b"9\n" not in read:
        read += os.read(pipe[0], PIPE_BYTES)
    assert read.decode().split()[8:] == ["stuck", *map(str, range(10))]
    until(lambda: dropped == [3], seconds=5, what="the count of what was dropped")
    log.close()


def test_lines_for_nobody_are_counted_and_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    dropped: list[int] = []
    log = LogWriter(writer, dropped.append)
    log.write("nobody\n")
    log.close()
    os.close(writer)
    assert dropped == [1]


def fill(writer: int) -> None:
    """Leaves no room in the pipe."""
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * PAGE)
    os.set_blocking(writer, True)


def test_each_line_is_written_before_it_closes_or_counted(pipe: tuple[int, int]) -> None:
    dropped: list[int] = []
    log = LogWriter(pipe[1], dropped.append)
    for _ in range(2 * PIPE_BYTES // 1024):
        log.write("x" * 1023 + "\n")
    log.close()
    written = os.read(pipe[0], PIPE_BYTES).count(b"\n")
    assert written + sum(dropped) == 2 * PIPE_BYTES // 1024


def test_lines_on_their_way_when_it_closes_are_counted(pipe: tuple[int, int]) -> None:
    dropped: list[int] = []
    fill(pipe[1])
    log = LogWriter(pipe[1], dropped.append)
    for number in range(5):
        log.write(f"{number}\n")
    log.close()
    assert dropped == [5]
    os.read(pipe[0], PIPE_BYTES)


def test_lines_counted_when_it_closed_are_not_counted_again_when_their_reader_goes() -> None:
    reader, writer = os.pipe()
    dropped: list[int] = []
    fill(writer)
    log = LogWriter(writer, dropped.append)
    for _ in range(10):
        log.write("x" * 1023 + "\n")
    log.close()
    os.close(reader)
    log._thread.join(5)  # noqa: SLF001
    assert not log._thread.is_alive()  # noqa: SLF001
    os.close(writer)
    assert dropped == [10]


def test_of_lines_counted_when_it_closed_none_is_begun_later(pipe: tuple[int, int]) -> None:
    dropped: list[int] = []
    fill(pipe[1])
    log = LogWriter(pipe[1], dropped.append)
    for _ in range(10):
        log.write("x" * 1023 + "\n")
    log.close()
    os.read(pipe[0], PIPE_BYTES)
    log._thread.join(5)  # noqa: SLF001
    assert not log._thread.is_alive()  # noqa: SLF001
    # What the thread had in hand nobody can call back.
    assert len(os.read(pipe[0], PIPE_BYTES)) <= PAGE
    assert dropped == [10]


def test_a_master_goes_on_without_a_reader(pipe: tuple[int, int]) -> None:
    log = ImpatientWriter(pipe[1])
    for _ in range(PIPE_BYTES // 1024 + 1):
        log.write("x" * 1023 + "\n")
    kept = os.read(pipe[0], PIPE_BYTES).splitlines()
    assert len(kept) >= (PIPE_BYTES - 4096) // 1024
    assert set(kept) == {b"x" * 1023}
    log.write("again\n")
    assert os.read(pipe[0], PIPE_BYTES).endswith(b"again\n")


def test_a_line_that_was_cut_spoils_no_other(pipe: tuple[int, int]) -> None:
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PAGE)
    log = ImpatientWriter(pipe[1])
    log.write("x" * PAGE + "cut\n")
    log.write("no room\n")
    assert os.read(pipe[0], PIPE_BYTES) == b"x" * PAGE
    log.write("next\n")
    assert os.read(pipe[0], PIPE_BYTES) == b"\nnext\n"
    log.write("last\n")
    assert os.read(pipe[0], PIPE_BYTES) == b"last\n"


def test_a_service_without_standard_output_serves(database_url: str) -> None:
    port = free_port()
    settings = PRODUCTION | UNLIMITED | {"DATABASE_URL": database_url, "PORT": str(port)}
    command = ["sh", "-c", 'exec "$0" >&-', str(ROOT / "bin" / "start")]
    with subprocess.Popen(command, env=clean_environ(settings), stderr=subprocess.DEVNULL) as service:
        try:
            until(lambda: _answers(port), seconds=30, what="the service")
        finally:
            service.terminate()
        assert service.wait(30) == 0


@pytest.mark.parametrize("recycled_after", [0, REQUESTS // 2])
def test_a_service_whose_log_nobody_reads_goes_on_answering(database_url: str, recycled_after: int) -> None:
    """Docker, its disk or its log driver may stop reading; that must not stop the service."""
    port = free_port()
    settings = {"DATABASE_URL": database_url, "PORT": str(port), "WEB_CONCURRENCY": "1"}
    settings["GUNICORN_CMD_ARGS"] = f"--max-requests {recycled_after} --max-requests-jitter 0"
    with subprocess.Popen(
        [ROOT / "bin" / "start"],
        env=clean_environ(PRODUCTION | UNLIMITED | settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as service:
        try:
            until(lambda: _answers(port), seconds=30, what="the service")
            with requests.Session() as session:
                for number in range(REQUESTS):
                    named = {"X-Request-ID": f"stalled-{number:04d}"}
                    answer = session.get(f"http://127.0.0.1:{port}/health", headers=named, timeout=5)
                    assert answer.status_code == 200
            service.send_signal(signal.SIGTERM)
            assert service.stdout
            lines = service.stdout.read().splitlines()
            assert service.wait(30) == 0
        finally:
            service.kill()
    records = [json.loads(line) for line in lines]
    ids = [record["request_id"] for record in records if str(record.get("request_id")).startswith("stalled-")]
    # A worker that has to go waits a second for a reader.
    if not recycled_after:
        assert sum(map(len, lines)) > 2 * PIPE_BYTES
        assert ids == [f"stalled-{number:04d}" for number in range(REQUESTS)]


def _answers(port: int) -> bool:
    return requests.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200
