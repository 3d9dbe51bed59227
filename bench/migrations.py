"""What the check of migrations costs a start when nothing is pending; writes docs/benchmarks.md.

    bin/python -m bench.migrations [--rounds 15]
    bin/python -m bench.migrations --memory      the most memory that `check` has with a file of 43 MB

Each round runs `bin/migrate` on an up-to-date database over a Unix socket, and a Python that only imports
psycopg. The difference is the cost of the check. bench/run uses `migration_figures` to measure many files.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.commands.report import TextReport
from app.migrations.command import migrate
from bench.report import measured_here, write_section
from bench.results import Figures, Spread
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.service import ROOT

MIGRATE = str(ROOT / "bin" / "migrate")
BARE = [str(ROOT / "bin" / "python"), "-c", "import psycopg"]
TARGET = 60
BIG_SIZE = 43_000_000
BIG = {
    "many statements": ("INSERT INTO big VALUES ", ";\nINSERT INTO big VALUES "),
    "one statement": ("INSERT INTO big VALUES\n", ",\n"),
}
FILE = "-- Table {number}.\nCREATE TABLE table_{number} (\n    id int PRIMARY KEY,\n    name text\n);\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.memory:
        print_memory()
        return
    rounds = options.rounds
    with tempfile.TemporaryDirectory() as data, EmbeddedPostgres(Path(data)) as postgres:
        migrate(postgres.url(), report=TextReport(sys.stdout), wait=30)
        beyond, whole = _measure_check(postgres.url(), rounds)
    write_section("migrations", summary(beyond, whole))


def print_memory() -> None:
    """Prints the most memory that `bin/migrate check` has, for many statements and for a single one."""
    with tempfile.TemporaryDirectory() as data, EmbeddedPostgres(Path(data)) as postgres:
        for kind, (beginning, between) in BIG.items():
            with tempfile.TemporaryDirectory() as folder:
                _write_big(Path(folder) / "0001_big.sql", beginning, between)
                command = [MIGRATE, "--folder", folder, "check"]
                environ = {"PATH": os.environ["PATH"], "DATABASE_URL": postgres.url()}
                process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
                _, _, usage = os.wait4(process.pid, 0)
                print(f"{kind}: {usage.ru_maxrss // 1024} MiB, {usage.ru_utime:.1f} s of CPU")


def _write_big(path: Path, beginning: str, between: str) -> None:
    row = "({0}, 'name {0}', 'some text; it''s fine', 1.5)"
    with path.open("w", encoding="utf-8") as file:
        file.write(beginning)
        number = 0
        while file.tell() < BIG_SIZE:
            file.write(row.format(number) + between)
            number += 1
        file.write(row.format(0) + ";\n")


def _measure_check(url: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of `bin/migrate` beyond those of a bare Python in the same round, and all of its own."""
    beyond: list[float] = []
    whole: list[float] = []
    for number in range(rounds + 1):
        bare, ours = _milliseconds(BARE, url), _milliseconds([MIGRATE], url)
        print(f"round {number} of {rounds}: {bare:.0f} {ours:.0f}", flush=True)
        if number:  # round 0 warms the caches
            beyond.append(ours - bare)
            whole.append(ours)
    return beyond, whole


def summary(beyond: Sequence[float], whole: Sequence[float]) -> str:
    """The result as the page says it."""
    return (
        f"{measured_here()} With nothing pending, `bin/migrate` takes {Spread.of(whole).text()} ms, "
        f"{Spread.of(beyond).text()} more than Python with psycopg (target: at most {TARGET})."
    )


@contextmanager
def migration_figures(postgres: EmbeddedPostgres) -> Iterator[Callable[[int], Figures]]:
    """A function that measures `bin/migrate` with so many files; milliseconds of whole processes."""
    with tempfile.TemporaryDirectory() as root:

        def measure(count: int) -> Figures:
            folder = Path(root) / str(count)
            _write_files(folder, count)
            command = [MIGRATE, "--folder", str(folder)]
            with fresh_database(postgres) as url:
                return {
                    "apply": _milliseconds(command, url),
                    "nothing_pending": _milliseconds(command, url),
                    "status": _milliseconds([*command, "status"], url),
                }

        yield measure


def _write_files(folder: Path, count: int) -> None:
    if folder.is_dir():
        return
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"{number:04d}_create_table.sql").write_text(FILE.format(number=number))


def _milliseconds(command: list[str], url: str) -> float:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
