"""Plain SVG: panels of bars and of lines, readable on a light page and on a dark one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.results import Spread

STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.quiet { fill: #59636e }
.axis { stroke: #818b98; stroke-width: 1 }
.ours { fill: #0969da }
.peer { fill: #9aa4af }
.spread { stroke: #1f2328; stroke-width: 1 }
.line { stroke: #0969da; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .peer { fill: #656c76 }
  .spread { stroke: #f0f6fc }
  .line { stroke: #4493f8 }
}"""
WIDTH = 840
MARGIN = 20
LABELS = 130
"""Room for the names left of the bars."""
VALUES = 50
"""Room for the figure right of the longest bar."""
ROW = 20
PANEL_HEIGHT = 210
COLUMNS = 3
BAR_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: Spread
    is_ours: bool


@dataclass(frozen=True, slots=True)
class BarPanel:
    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class LinePanel:
    """A curve over sizes that grow by factors.

    Attributes:
        title: what is measured, with its unit.
        x_title: of what there is more and more.
        points: size and value, the smallest first.
    """

    title: str
    x_title: str
    points: Sequence[tuple[int, Spread]]


def bar_chart(heading: str, panels: Sequence[BarPanel]) -> str:
    """The panels in two columns; each has its own scale, from zero."""
    width = (WIDTH - MARGIN) // BAR_COLUMNS
    height = max(len(panel.bars) for panel in panels) * ROW + 44
    rows = -(-len(panels) // BAR_COLUMNS)
    parts = [
        _moved(index % BAR_COLUMNS * width, index // BAR_COLUMNS * height + 24, _bars(panel, width))
        for index, panel in enumerate(panels)
    ]
    return _document(heading, rows * height + 24, parts)


def line_chart(heading: str, panels: Sequence[LinePanel]) -> str:
    """The panels in three columns; logarithmic in x, from zero in y."""
    width = (WIDTH - MARGIN) // COLUMNS
    rows = -(-len(panels) // COLUMNS)
    parts = [
        _moved(index % COLUMNS * width, index // COLUMNS * PANEL_HEIGHT + 24, _line(panel, width))
        for index, panel in enumerate(panels)
    ]
    return _document(heading, rows * PANEL_HEIGHT + 24, parts)


def _document(heading: str, height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(heading)}">'
    )
    title = _text(MARGIN, 16, heading, "title")
    return "\n".join([head, f"<style>\n{STYLE}\n</style>", title, *parts, "</svg>", ""])


def _bars(panel: BarPanel, width: int) -> str:
    longest = max(bar.value.high for bar in panel.bars)
    scale = (width - MARGIN - LABELS - VALUES) / longest
    lines = [_text(MARGIN, 22, panel.title)]
    for index, bar in enumerate(panel.bars):
        top = 32 + index * ROW
        middle = top + ROW / 2 - 2
        length = bar.value.median * scale
        kind = "ours" if bar.is_ours else "peer"
        low, high = (MARGIN + LABELS + value * scale for value in (bar.value.low, bar.value.high))
        lines += [
            _text(MARGIN + LABELS - 6, middle + 4, bar.label, "quiet", anchor="end"),
            f'<rect class="{kind}" x="{MARGIN + LABELS}" y="{top}" width="{length:.1f}" height="{ROW - 5}"/>',
            f'<path class="spread" d="M{low:.1f} {middle:.1f}H{high:.1f}"/>',
            _text(max(high, MARGIN + LABELS + length) + 5, middle + 4, number(bar.value.median)),
        ]
    return "\n".join(lines)


def _line(panel: LinePanel, width: int) -> str:
    left, right, top, bottom = MARGIN + 24, width - 14, 50, PANEL_HEIGHT - 44
    highest = max(value.high for _, value in panel.points) or 1.0
    first, last = math.log(panel.points[0][0]), math.log(panel.points[-1][0])

    def x(size: int) -> float:
        return left + (right - left) * ((math.log(size) - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / highest

    path = " ".join(f"{x(size):.1f},{y(value.median):.1f}" for size, value in panel.points)
    lines = [
        _text(MARGIN, 22, panel.title),
        f'<path class="axis" d="M{left} {bottom}H{right}"/>',
        f'<polyline class="line" points="{path}"/>',
    ]
    ends = {panel.points[0][0], panel.points[-1][0]}
    for size, value in panel.points:
        lines.append(f'<path class="spread" d="M{x(size):.1f} {y(value.low):.1f}V{y(value.high):.1f}"/>')
        lines.append(f'<circle class="ours" cx="{x(size):.1f}" cy="{y(value.median):.1f}" r="3"/>')
        lines.append(_text(x(size), bottom + 16, short(size), "quiet", anchor="middle"))
        if size in ends:
            lines.append(_text(x(size), y(value.high) - 6, number(value.median), anchor="middle"))
    lines.append(_text((left + right) / 2, bottom + 34, panel.x_title, "quiet", anchor="middle"))
    return "\n".join(lines)


def number(value: float) -> str:
    """With as many digits as one reads."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"  # noqa: PLR2004  # two digits at least


def short(size: int) -> str:
    """1000 as 1k, a million as 1M."""
    for factor, letter in ((1_000_000, "M"), (1_000, "k")):
        if size >= factor:
            return f"{size // factor}{letter}"
    return str(size)


def _text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "") -> str:
    attributes = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def _moved(x: float, y: float, content: str) -> str:
    return f'<g transform="translate({x:.0f} {y:.0f})">\n{content}\n</g>'
