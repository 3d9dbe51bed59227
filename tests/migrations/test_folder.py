"""The migrations' folder: whatever looks like a migration and is none is exit 3, with its name."""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.commands.errors import CommandError, Exit
from app.migrations.script.files import load_migrations
from app.migrations.script.folder import find_versions
from tests.migrations.conftest import Run

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may reach, with one migration in it."""
    folder = Path(tempfile.mkdtemp(prefix="migrations-"))
    folder.chmod(0o755)
    (folder / "0001_one.sql").write_text("SELECT 1;\n")
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Not as root, whom no permission stops."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def refused(folder: Path) -> list[str]:
    """What is said of it by those who read the files, and at least refused by the service."""
    with pytest.raises(CommandError):
        find_versions(folder)
    return load_faults(folder)


def load_faults(folder: Path) -> list[str]:
    with pytest.raises(CommandError) as caught:
        load_migrations(folder)
    assert caught.value.exit_code == Exit.INVALID
    return list(caught.value.sentences)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    # The address of a socket is short, so it is bound by a name in the folder of this process.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (make_folder, "is a folder"),
        (make_dangling_link, "is a link to a file that is not there"),
        (make_loop, "cannot be read: Too many levels of symbolic links"),
        (make_fifo, "is no ordinary file"),
        (make_socket, "is no ordinary file"),
        (make_device_link, "is no ordinary file"),
    ],
)
def test_what_is_no_file_is_named(folder: Path, make: Callable[[Path], None], sentence: str) -> None:
    make(folder / "0003_strange.sql")
    [said] = refused(folder)
    assert said.startswith(f"0003_strange.sql {sentence}")


@pytest.mark.parametrize(
    "name",
    [
        "0003_name.SQL", "0003_Name.sql", "0003-name.sql", "0003name.sql", "0003.sql", "3_name.sql", ".sql",
        "0003_name.txt", "0003_name", "0003_name.sql.txt", "0003_name.sql.gz", "0003_name.sql ",
        "0003_name (copy).sql", "0003_größe.sql", "0003_name.sql\n", "0003_name.\u0455ql", "\uff13_name.sql",
        ".0003_name.sql", "V3__name.sql", "name.sql", os.fsdecode(b"0003_\xff.sql"),
    ],
)  # fmt: skip
def test_a_name_that_is_nearly_right_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;\n")
    [said] = refused(folder)
    assert said.startswith(os.fsencode(name).decode(errors="backslashreplace"))
    assert "is not named like 0001_create_tables.sql" in said


@pytest.mark.parametrize(
    "name",
    [
        "README", "README.md", "LICENSE", ".gitkeep", ".gitignore", ".DS_Store", ".sqlfluff", "notes.txt",
        "0003_name.sql~", "0003_name.sql.bak", "0003_name.sql.orig", "0003_name.sql.rej", "0003_name.sql.swp",
        ".0003_name.sql.swp", "#0003_name.sql#", ".#0003_name.sql", "._0003_name.sql", "..2026_11_28",
    ],
)  # fmt: skip
def test_what_nobody_means_as_a_migration_is_ignored(folder: Path, name: str) -> None:
    (folder / name).symlink_to("nowhere")
    assert [migration.version for migration in load_migrations(folder)] == [1, 2]
    assert find_versions(folder) == {1, 2}


def test_a_link_to_a_file_is_a_migration(folder: Path) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "file").write_text("SELECT 3;\n")
    (folder / "0003_three.sql").symlink_to("..data/file")
    assert b"".join(load_migrations(folder)[-1].lines()) == b"SELECT 3;\n"


@pytest.mark.parametrize("number", ["0000", "000000000"])
def test_the_number_0_is_refused(folder: Path, number: str) -> None:
    (folder / f"{number}_zero.sql").write_text("SELECT 1;\n")
    assert refused(folder) == [f"{number}_zero.sql has the number 0. Numbers begin with 0001."]


def test_all_faults_come_in_one_report(folder: Path) -> None:
    (folder / "0000_zero.sql").write_text("SELECT 1;\n")
    (folder / "0002_again.sql").write_text("SELECT 1;\n")
    (folder / "0003_folder.sql").mkdir()
    (folder / "0004_bytes.sql").write_bytes(b"\xff")
    (folder / "5_short.sql").write_text("SELECT 1;\n")
    assert [sentence.split()[0] for sentence in load_faults(folder)] == [
        "0000_zero.sql", "0003_folder.sql", "5_short.sql", "Two", "0004_bytes.sql:1",
    ]  # fmt: skip


def test_a_file_that_may_not_be_read_is_named(open_folder: Path) -> None:
    (open_folder / "0001_one.sql").chmod(0)
    with as_nobody():
        assert load_faults(open_folder) == ["0001_one.sql cannot be read: Permission denied."]


@pytest.mark.parametrize("mode", [0, 0o111, 0o444])
def test_a_folder_that_may_not_be_read_is_named(open_folder: Path, mode: int) -> None:
    open_folder.chmod(mode)
    with as_nobody():
        (said,) = load_faults(open_folder)
    assert said.endswith("cannot be read: Permission denied.")


@pytest.mark.parametrize("command", ["up", "check", "status", "plan", "lint"])
def test_a_wrong_folder_is_never_up_to_date(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    for folder, reason in (
        ("nowhere", "cannot be read: No such file or directory."),
        ("0001_one.sql", "cannot be read: Not a directory."),
        ("empty", "holds no migration, such as 0001_create_tables.sql."),
    ):
        process = run(command, "--folder", str(tmp_path / folder))
        assert process.wait() == 3, process.output
        assert process.lines == [f"The migrations' folder {tmp_path / folder} {reason}"]


def test_the_first_migration_is_made_in_an_empty_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("new", "first", "--folder", str(tmp_path / "empty")).wait() == 0
    assert (tmp_path / "empty" / "0001_first.sql").is_file()


def test_a_fifo_hangs_nobody(run: Run, folder: Path) -> None:
    os.mkfifo(folder / "0003_pipe.sql")
    process = run("check")
    assert process.wait() == 3
    assert process.output == "0003_pipe.sql is no ordinary file."
