"""The folder of a service's metrics: its own, and gone with it."""

import errno
import os
from pathlib import Path

import pytest

from app.telemetry.metrics_files import (
    PREFIX,
    MetricsFolderError,
    make_folder,
    make_folder_with_room,
    remove_folder,
)


def test_an_abandoned_folder_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    abandoned = tmp_path / f"{PREFIX}crashed"
    abandoned.mkdir()
    (abandoned / "counter_0.db").write_bytes(b"old")
    in_use = make_folder(tmp_path)
    assert not abandoned.exists()
    second = make_folder(tmp_path)
    assert in_use.is_dir()
    assert second != in_use


def test_a_folder_is_in_use_as_long_as_a_fork_of_its_maker_lives(tmp_path: Path) -> None:
    told, tell = os.pipe()
    release, hold = os.pipe()
    maker = os.fork()
    if maker == 0:
        folder = make_folder(tmp_path)
        if os.fork():
            os.write(tell, os.fsencode(folder))
            os._exit(0)
        os.close(hold)
        os.read(release, 1)
        os._exit(0)
    os.close(release)
    os.waitpid(maker, 0)
    folder = Path(os.fsdecode(os.read(told, 4096)))
    make_folder(tmp_path)
    assert folder.is_dir()
    os.close(hold)
    os.close(tell)
    # The end of the fork, which held the other end.
    assert os.read(told, 1) == b""
    make_folder(tmp_path)
    assert not folder.exists()
    os.close(told)


def test_what_else_is_there_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "somebody-elses"
    other.mkdir()
    (tmp_path / f"{PREFIX}file").write_text("no folder")
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(other)
    make_folder(tmp_path)
    assert other.is_dir()
    assert link.is_symlink()


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    assert make_folder(tmp_path).stat().st_mode & 0o077 == 0


def test_removing_it_twice_is_no_error(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    remove_folder(folder)
    remove_folder(folder)
    assert not folder.exists()


def test_a_parent_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        make_folder(tmp_path / "missing")


def test_where_there_is_no_room_the_next_parent_is_taken(tmp_path: Path) -> None:
    full, roomy = tmp_path / "full", tmp_path / "roomy"
    full.mkdir()
    roomy.mkdir()

    def fill(folder: Path) -> None:
        if folder.parent == full:
            raise OSError(errno.ENOSPC, "No space left on device")

    missing = tmp_path / "missing"
    assert make_folder_with_room([missing, full, roomy], fill).parent == roomy
    assert list(full.iterdir()) == []
    with pytest.raises(MetricsFolderError) as raised:
        make_folder_with_room([missing, full], fill)
    assert str(raised.value) == (
        f"No room for the metrics in {missing}: No such file or directory; {full}: No space left on device"
    )
