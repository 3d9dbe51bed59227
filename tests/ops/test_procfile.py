"""The Procfile, for platforms that read one."""

from tests.support.service import ROOT


def test_the_procfile_starts_and_releases_with_commands_of_the_image() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    assert lines == ["web: bin/start", "release: bin/migrate"]
    shipped = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert f"!{line.partition(': ')[2]}" in shipped
