"""The embedded PostgreSQL: whoever starts it and wherever its data are, it changes nothing else."""

import os
import stat
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from dev.postgres import EmbeddedPostgres
from tests.support.checkout import checkout

START = "import sys, pathlib, dev.postgres; dev.postgres.EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()"


def modes_above(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(above): (above.stat().st_mode, above.stat().st_uid) for above in folder.parents}


@pytest.mark.parametrize("name", ["data", "a path with 100 % & more"])
def test_it_runs_below_a_folder_that_only_its_owner_may_enter(tmp_path: Path, name: str) -> None:
    data = tmp_path / "closed" / name
    data.mkdir(parents=True)
    (tmp_path / "closed").chmod(stat.S_IRWXU)
    before = modes_above(data / "postgres"), Path("/etc/passwd").read_bytes()
    with EmbeddedPostgres(data) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT lower('Ä')").fetchone() == ("ä",)
        connection.execute("CREATE TABLE kept AS SELECT 1")
        assert psutil.Process(server.pid).uids().effective != 0
    assert (modes_above(data / "postgres"), Path("/etc/passwd").read_bytes()) == before


def test_a_checkout_that_only_its_owner_may_enter_can_run_it(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRWXU)
    copy = checkout(tmp_path / "a copy with 100 % & more")
    command = [str(copy / "bin" / "python"), "-c", START, str(copy / "data")]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_data_that_root_made_under_another_account_are_taken_over(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    # Only root can give files away, and only root has another account run the server.
    former = 12345 if os.geteuid() == 0 else os.geteuid()
    for path in [tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")]:
        os.chown(path, former, -1, follow_symlinks=False)
    with EmbeddedPostgres(tmp_path) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
