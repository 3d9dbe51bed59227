"""What the documentation promises is so."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.config import Config
from app.variables import ConfigError
from tests.support.service import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


class AskedFor(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def test_the_configuration_page_names_every_variable_the_code_reads_and_no_other() -> None:
    environ = AskedFor(DB_HOST="db")
    with pytest.raises(ConfigError):
        Config.from_environ(environ)
    table = [line.split("|")[1] for line in CONFIGURATION.splitlines() if line.startswith("| `")]
    documented = {name for cell in table for name in re.findall(r"`([A-Z_]+)`", cell)}
    assert documented == environ.names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_ours_exist(page: Path) -> None:
    for command in re.findall(r"\bbin/[a-z]+\b", page.read_text(encoding="utf-8")):
        assert (ROOT / command).exists(), command


def test_every_command_has_a_purpose_line_and_is_executable() -> None:
    for path in (ROOT / "bin").iterdir():
        assert path.stat().st_mode & 0o111, path
        assert path.read_text(encoding="utf-8").splitlines()[1].startswith("# "), path


def test_a_fresh_secret_is_long_enough_and_fresh() -> None:
    secrets = {subprocess.check_output([ROOT / "bin" / "secret"], text=True).strip() for _ in range(2)}
    assert len(secrets) == 2
    assert all(len(secret) >= 32 for secret in secrets)
