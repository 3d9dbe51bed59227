"""Draws a chart with matplotlib. bench/charts.py runs it with the interpreter that has matplotlib.

The chart arrives as JSON on standard input; the argument is the path of the SVG file.
"""

import json
import math
import sys
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLUMNS = {"bars": 2, "lines": 3}
PANEL_HEIGHT = {"bars": 1.35, "lines": 2.1}
"""Inches."""
WIDTH = 9.0
HEADING = 0.45
OURS = "#0969da"
PEER = "#9aa4af"
INK = "#1f2328"
PAPER = "#ffffff"
"""A background of its own keeps the picture readable on a dark page."""
STYLE = {
    "svg.hashsalt": "connected-backend",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    # matplotlib measures with the first, which it brings along; readers may have the others.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": PEER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.size": 0,
}
UNDATED = {"Date": None, "Creator": None}
"""Leaves out the date and matplotlib's version, so that the same figures make the same file."""


def main(path: str) -> None:
    chart = json.load(sys.stdin)
    kind, panels = chart["kind"], chart["panels"]
    rows = math.ceil(len(panels) / COLUMNS[kind])
    height = HEADING + rows * PANEL_HEIGHT[kind]
    mpl.rcParams.update(STYLE)
    figure = Figure(figsize=(WIDTH, height), facecolor=PAPER)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08)
    figure.suptitle(chart["heading"], fontsize=11, fontweight="bold")
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, COLUMNS[kind], number)
        axes.set_title(panel["title"], loc="left", fontsize=9.5)
        (draw_bars if kind == "bars" else draw_line)(axes, panel)
    figure.savefig(path, format="svg", metadata=UNDATED)


def draw_bars(axes: Any, panel: dict[str, Any]) -> None:  # noqa: ANN401  # matplotlib's Axes
    """One bar a server, the first one ours, with its median as a number behind it."""
    medians = [value["median"] for value in panel["values"]]
    rows = range(len(medians))
    colors = [OURS, *[PEER] * (len(medians) - 1)]
    axes.barh(rows, medians, xerr=errors(panel), color=colors, height=0.7, ecolor=INK, error_kw={"lw": 1})
    axes.set_yticks(rows, panel["labels"])
    axes.invert_yaxis()
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    axes.spines["bottom"].set_visible(False)
    highest = max(value["high"] for value in panel["values"])
    axes.set_xlim(0, highest * 1.18)
    for row, value in zip(rows, panel["values"], strict=True):
        text = f"{value['median']:,.{panel['digits']}f}"
        axes.text(value["high"] + highest * 0.015, row, text, va="center")


def draw_line(axes: Any, panel: dict[str, Any]) -> None:  # noqa: ANN401  # matplotlib's Axes
    """One point a size, at equal distances because sizes grow by factors; its median stands above it."""
    medians = [value["median"] for value in panel["values"]]
    places = range(len(medians))
    axes.errorbar(places, medians, yerr=errors(panel), color=OURS, ecolor=INK, elinewidth=1, marker="o", ms=4)
    axes.set_xticks(places, panel["labels"])
    axes.set_xlabel(panel["x_title"])
    axes.tick_params(left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    highest = max(value["high"] for value in panel["values"])
    axes.set_ylim(0, (highest or 1) * 1.18)
    axes.margins(x=0.1)
    for place, value in zip(places, panel["values"], strict=True):
        text = f"{value['median']:,.{panel['digits']}f}"
        axes.annotate(text, (place, value["high"]), (0, 4), textcoords="offset points", ha="center")


def errors(panel: dict[str, Any]) -> list[list[float]]:
    """The distances from each median to its lowest and its highest round, as matplotlib takes them."""
    values = panel["values"]
    return [
        [value["median"] - value["low"] for value in values],
        [value["high"] - value["median"] for value in values],
    ]


if __name__ == "__main__":
    main(sys.argv[1])
