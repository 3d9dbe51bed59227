"""The embedded PostgreSQL: whoever starts it and wherever its data are, it changes nothing else."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from app.settings.environment import embedded_socket_folder
from dev.postgres import EmbeddedPostgres
from dev.postgres_programs import EmbeddedPostgresError
from tests.support.checkout import checkout
from tests.support.service import ROOT
from tests.support.waiting import until

START = "import sys, pathlib, dev.postgres; dev.postgres.EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()"

SAID = """
import sys, pathlib, dev.postgres
try:
    dev.postgres.EmbeddedPostgres(pathlib.Path(sys.argv[1])).start()
except dev.postgres.EmbeddedPostgresError as error:
    print(error)
"""


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_initdb_leaves_nothing_that_the_next_start_stumbles_over(
    tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as first:
        until(lambda: list(tmp_path.rglob("PG_VERSION")), seconds=20, what="initdb")
        first.send_signal(number)
    with EmbeddedPostgres(tmp_path) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with EmbeddedPostgres(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["postgres"]


def test_half_a_cluster_of_an_older_version_is_named_with_the_cure(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(tmp_path).start()
    assert str(refused.value) == (
        f"{folder} holds no complete database: a start was interrupted. Delete it and start again."
    )


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("data", ["old", "new"])
def test_a_read_only_checkout_is_told_in_a_sentence(tmp_path: Path, data: str) -> None:
    if data == "old":
        with EmbeddedPostgres(tmp_path):
            pass
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    read_only = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    command = [
        "unshare",
        "--mount",
        *rights,
        "sh",
        "-c",
        read_only,
        "sh",
        str(tmp_path),
        sys.executable,
        SAID,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    sentence = "cannot be written: Read-only file system. Set DEV_DATA_DIR to a folder of yours."
    assert done.stdout == f"{tmp_path / 'postgres'} {sentence}\n", done.stderr


def test_a_socket_that_has_its_folder_in_tmp_leaves_nothing_there(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 25)
    folder = embedded_socket_folder(data)
    with EmbeddedPostgres(data) as server, psycopg.connect(server.url()):
        assert folder.parent == Path(tempfile.gettempdir())
        assert folder.exists()
    assert not folder.exists()


def test_data_that_root_made_under_another_account_are_taken_over(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path):
        pass
    # Only root can give files away, and only root has another account run the server.
    former = 12345 if os.geteuid() == 0 else os.geteuid()
    for path in [tmp_path / "postgres", *(tmp_path / "postgres").rglob("*")]:
        os.chown(path, former, -1, follow_symlinks=False)
    with EmbeddedPostgres(tmp_path) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
