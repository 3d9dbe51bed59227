"""docs/benchmarks.md and its plots, from the figures."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import growth_page
from bench.cases import CASES, FULL, Case
from bench.charts import Bar, BarPanel, bar_chart
from bench.report import PAGE, write_section
from bench.results import Figures, Results, Spread, column, rounds_of
from bench.targets import TARGETS

TITLES = {
    "ours": "this service",
    "fastify": "Fastify",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "bare": "bare WSGI callable",
    "bare_silent": "the same without access log",
    "query": "bare WSGI callable with the same SQL",
    "query_silent": "the same without access log",
    "falcon": "bare Falcon app",
    "loop": "psycopg loop, one connection",
}
FIGURES = [
    ("Requests a second on one core", "per_second", 0, 1.0),
    ("CPU time of the server, µs a request", "cpu", 0, 1.0),
    ("Of its core, the server used, %", "busy", 0, 100.0),
    ("Half of the answers within, ms", "p50", 1, 1.0),
    ("99 of 100 answers within, ms", "p99", 1, 1.0),
    ("Memory after the load, MiB", "memory", 0, 1.0),
]
PLOT = "benchmarks.svg"
Table = Mapping[str, Mapping[str, Sequence[Figures]]]


def write(results: Results, folder: Path) -> list[Path]:
    """Writes the page and its plots into the folder; returns their paths.

    What was never measured keeps its place as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE.name
    if folder.resolve() != PAGE.parent:
        shutil.copy(PAGE, page)
    written = [page]
    cases = [case for case in CASES if results.comparison.get(case.name)]
    if cases:
        write_section("targets", _targets(results), page)
        write_section("comparison", _comparison(results, cases), page)
        (folder / PLOT).write_text(_plot(results, cases), encoding="utf-8")
        written.append(folder / PLOT)
    if results.growth:
        write_section("growth", growth_page.tables(results), page)
        (folder / growth_page.PLOT).write_text(growth_page.plot(results), encoding="utf-8")
        written.append(folder / growth_page.PLOT)
    return written


def _targets(results: Results) -> str:
    lines = ["| | target | measured | |", "|---|---|---|---|"]
    for target in TARGETS:
        rounds = results.comparison.get(target.case, {})
        if {"ours", target.other} <= rounds.keys():
            measured = target.measured(rounds)
            bound = f"{'at least' if target.is_least else 'at most'} {target.bound:g} {target.unit}"
            digits = 0 if target.unit == "µs" else 2
            text = f"{measured.text(digits)} {target.unit}"
            lines.append(f"| {target.sentence} | {bound} | {text} | {target.verdict(measured)} |")
    return "\n".join(lines)


def _comparison(results: Results, cases: Sequence[Case]) -> str:
    machine = results.machine
    days = sorted({day for name, day in results.dates.items() if name in results.comparison})
    rounds = rounds_of(results.comparison)
    head = (
        f"Measured {' and '.join(days)} on {machine['cpus']} CPUs; rounds in turn: {rounds}, "
        f"{machine['seconds']} s each after a warm-up. Median (lowest to highest).\n"
        f"{machine['versions']}.\n"
        f"gunicorn's HTTP parser is the one {machine['parser']}. "
        f"Before the run, {machine['busy']} % of the machine's time went to something else."
    )
    blocks = [head]
    blocks += [
        f"### {title}\n\n{_table(results.comparison, cases, key, digits, scale)}"
        for title, key, digits, scale in FIGURES
    ]
    ratios = f"Requests a second of this service to the other's.\n\n{_ratios(results, cases)}"
    blocks.append(f"### Ratios\n\n{ratios}")
    blocks.append(f"### Beside the least there can be\n\n{_least(results)}")
    if results.comparison.get("start"):
        blocks.append(f"### Start and rest\n\n{_start(results.comparison['start'])}")
    return "\n\n".join(blocks)


def _table(table: Table, cases: Sequence[Case], key: str, digits: int, scale: float) -> str:
    lines = [f"| | {' | '.join(TITLES[name] for name in FULL)} |", "|---" * (len(FULL) + 1) + "|"]
    for case in cases:
        cells = [_cell(table[case.name].get(name, []), key, digits, scale) for name in FULL]
        lines.append(f"| {case.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rounds: Sequence[Figures], key: str, digits: int, scale: float = 1.0) -> str:
    values = [figures[key] for figures in rounds if key in figures]
    return Spread.of(values).text(digits, scale) if values else ""


def _ratios(results: Results, cases: Sequence[Case]) -> str:
    peers = FULL[1:]
    lines = [f"| | {' | '.join(TITLES[name] for name in peers)} |", "|---" * (len(peers) + 1) + "|"]
    for case in cases:
        rounds = results.comparison[case.name]
        ours = column(rounds["ours"], "per_second")
        cells = [
            Spread.of([a / b for a, b in zip(ours, column(rounds[peer], "per_second"), strict=True)]).text(2)
            for peer in peers
        ]
        lines.append(f"| {case.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _least(results: Results) -> str:
    lines = [
        "| | requests a second | CPU µs a request | of its core, % |",
        "|---|---|---|---|",
    ]
    for case in ("health", "session"):
        for name, rounds in results.comparison.get(case, {}).items():
            if name in FULL[1:]:
                continue
            title = f"{TITLES[name]}, `{'/health' if case == 'health' else '/auth/session'}`"
            cells = [
                _cell(rounds, "per_second", 0),
                _cell(rounds, "cpu", 0),
                _cell(rounds, "busy", 0, 100),
            ]
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _start(rounds: Mapping[str, Sequence[Figures]]) -> str:
    lines = ["| | to the first 200, ms | memory at rest, MiB |", "|---|---|---|"]
    for name in ("ours", *FULL[1:], "falcon"):
        if name in rounds:
            cells = [_cell(rounds[name], "start", 0, 1000), _cell(rounds[name], "memory", 0)]
            lines.append(f"| {TITLES[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _plot(results: Results, cases: Sequence[Case]) -> str:
    panels = [
        BarPanel(case.title.replace("`", ""), [_bar(name, results.comparison[case.name]) for name in FULL])
        for case in cases
    ]
    return bar_chart("Requests a second on one core: median, lowest to highest", panels)


def _bar(name: str, rounds: Mapping[str, list[Figures]]) -> Bar:
    return Bar(TITLES[name], Spread.of(column(rounds[name], "per_second")), name == "ours")
