"""The plots of docs/benchmarks.md: what they show, and the command that draws them."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from app.settings.places import ROOT
from bench.build import DATA
from bench.results import Spread


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a chart, with a scale of its own that starts at zero.

    Attributes:
        title: what is measured, with its unit.
        labels: one for each value: a server, or a size such as 10k.
        values: in the order of the labels.
        digits: after the decimal point, as in the page's table.
        x_title: what the sizes count; empty for servers.
    """

    title: str
    labels: Sequence[str]
    values: Sequence[Spread]
    digits: int
    x_title: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels of bars, one bar a server, or of lines, one point a size."""

    heading: str
    kind: Literal["bars", "lines"]
    panels: Sequence[Panel]


def draw(chart: Chart, path: Path, *, python: Path) -> None:
    """Writes the chart as SVG.

    Args:
        chart: what to draw.
        path: of the SVG file.
        python: an interpreter that has matplotlib, which this one does not have.

    Raises:
        subprocess.CalledProcessError: matplotlib failed; standard error says why.
    """
    # A folder of its own for settings, so that the reader's matplotlibrc does not change the picture.
    environ = {"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(DATA / "matplotlib")}
    command = [str(python), "-P", "-m", "bench.drawing", str(path)]
    subprocess.run(command, env=environ, input=json.dumps(asdict(chart)), text=True, check=True)
