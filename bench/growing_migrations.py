"""What many migrations cost a start: to apply them, and to see that nothing is pending."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.settings.places import ROOT
from bench.results import Figures
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database

MIGRATE = str(ROOT / "bin" / "migrate")
FILE = "-- Table {number}.\nCREATE TABLE table_{number} (\n    id int PRIMARY KEY,\n    name text\n);\n"


@contextmanager
def migration_figures(postgres: EmbeddedPostgres) -> Iterator[Callable[[int], Figures]]:
    """Something that measures, in milliseconds of the whole process, with that many files."""
    with tempfile.TemporaryDirectory() as root:

        def measure(count: int) -> Figures:
            folder = Path(root) / str(count)
            _write(folder, count)
            command = [MIGRATE, "--folder", str(folder)]
            with fresh_database(postgres) as url:
                return {
                    "apply": _milliseconds(command, url),
                    "nothing_pending": _milliseconds(command, url),
                    "status": _milliseconds([*command, "status"], url),
                }

        yield measure


def _write(folder: Path, count: int) -> None:
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
