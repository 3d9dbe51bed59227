"""A big file takes the memory of its biggest statement, so that it fits into a small container."""

import subprocess
import sys
from pathlib import Path

from tests.support.service import ROOT

MEBIBYTE = 1 << 20
SIZE = 8 * MEBIBYTE
ENOUGH = 100
"""MiB. When every token was kept, these files took more than 300."""
# Prints the most memory that the process had, in MiB.
CHECK = """
import sys
from pathlib import Path
from app.migrations.script.files import load_migrations
from app.migrations.script.script import read_scripts
read_scripts(load_migrations(Path(sys.argv[1])))
status = Path('/proc/self/status').read_text()
print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)
"""
ROW = "({}, 'name {}', 'some text; it''s fine 😀', 1.5)"


def write(path: Path, beginning: str, between: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(beginning)
        number = 0
        while file.tell() < SIZE:
            file.write(ROW.format(number, number) + between)
            number += 1
        file.write(ROW.format(0, 0) + ";\n")


def peak(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_many_statements_take_little(tmp_path: Path) -> None:
    insert = "INSERT INTO t VALUES "
    write(tmp_path / "0001_many.sql", insert, f";\n{insert}")
    assert peak(tmp_path) < ENOUGH


def test_one_statement_takes_a_few_times_its_size(tmp_path: Path) -> None:
    write(tmp_path / "0001_one.sql", "INSERT INTO t VALUES\n", ",\n")
    assert peak(tmp_path) < ENOUGH
