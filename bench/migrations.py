"""What the check of migrations costs a start when nothing is pending; writes docs/benchmarks.md.

    bin/python -m bench.migrations [--rounds 15]

It is `bin/migrate` on an up-to-date database over a Unix socket, less Python's own start with psycopg
imported, measured in turn with it.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from app.commands.report import TextReport
from app.migrations.command import migrate
from bench.report import write_section
from dev.postgres import EmbeddedPostgres
from tests.support.service import ROOT

MIGRATE = str(ROOT / "bin" / "migrate")
BARE = [str(ROOT / "bin" / "python"), "-c", "import psycopg"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as data, EmbeddedPostgres(Path(data)) as postgres:
        migrate(postgres.url(), report=TextReport(sys.stdout), wait=30)
        beyond, whole = _measure_check(postgres.url(), rounds)
    write_section("migrations", _table(beyond, whole))


def _measure_check(url: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of the check beyond a bare Python with psycopg, and in all; a pair of runs each."""
    beyond: list[float] = []
    whole: list[float] = []
    for number in range(rounds + 1):
        bare, ours = _seconds(BARE, url), _seconds([MIGRATE], url)
        print(f"round {number} of {rounds}: {bare:.3f} {ours:.3f}", flush=True)
        if number:  # the first warms caches
            beyond.append(ours - bare)
            whole.append(ours)
    return beyond, whole


def _seconds(command: list[str], url: str) -> float:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _table(beyond: list[float], whole: list[float]) -> str:
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d}, {machine}, {len(beyond)} rounds. Median (range).",
        "",
        "| | ms | target |",
        "|---|---|---|",
        f"| nothing pending, beyond Python and psycopg | {_spread(beyond)} | 60 |",
        f"| nothing pending, the whole process | {_spread(whole)} | |",
    ]
    return "\n".join(lines)


def _spread(seconds: list[float]) -> str:
    middle, low, high = (1000 * figure for figure in (statistics.median(seconds), min(seconds), max(seconds)))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


if __name__ == "__main__":
    main()
