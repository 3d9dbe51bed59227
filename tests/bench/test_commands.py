"""The commands of docs/benchmarks.md, made short; they write elsewhere than the page."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.pages import Command, Page
from tests.support.service import ROOT

pytestmark = pytest.mark.full

SHORTER = {
    "bench/run": ["--quick"],
    "bench/run --quick": ["--only", "health"],
    "bench/run --only session --only start": ["--quick"],
    "bench/profile session": ["--seconds", "2"],
    "bench/profile session --perf": ["--seconds", "2"],
}


@pytest.mark.parametrize("command", Page("benchmarks.md").commands(), ids=str)
def test_it_measures_and_says_what(command: Command, tmp_path: Path) -> None:
    program, *arguments = [*shlex.split(command.line), *SHORTER[command.line]]
    if program == "bench/run":
        arguments += ["--output", str(tmp_path), "--results", str(tmp_path / "results.json")]
    run = subprocess.run(
        [ROOT / program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout
    if program == "bench/run":
        assert (tmp_path / "results.json").stat().st_size > 0
