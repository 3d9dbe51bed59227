"""docs/benchmarks.md and its plots, made from the figures of a run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import growth_page
from bench.cases import CASES, STACKS, Case
from bench.charts import Chart, Panel
from bench.report import PAGE, write_section
from bench.results import Figures, Results, Spread, column, rounds_of
from bench.targets import TARGETS, UNITS

TITLES = {
    "ours": "this service",
    "gthread": "gunicorn's own worker",
    "fastify": "Fastify",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "falcon": "bare Falcon app",
}
OWN_WORKER = "gthread"
"""This service with WORKER_CLASS=gthread."""
PLOT = "benchmarks.svg"


def write(results: Results, folder: Path) -> Path:
    """Writes the page into the folder and returns its path.

    A section without figures stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE.name
    if folder.resolve() != PAGE.parent:
        shutil.copy(PAGE, page)
    cases = _measured_cases(results)
    if cases:
        write_section("ratios", _ratios(results), page)
        write_section("figures", _figures(results, cases), page)
    if results.growth:
        write_section("growth", growth_page.table(results), page)
    return page


def charts(results: Results) -> dict[str, Chart]:
    """The plots of what was measured, by file name."""
    found: dict[str, Chart] = {}
    if cases := _measured_cases(results):
        found[PLOT] = _chart(results, cases)
    if results.growth:
        found[growth_page.PLOT] = growth_page.chart(results)
    return found


def _measured_cases(results: Results) -> list[Case]:
    return [case for case in CASES if results.comparison.get(case.name)]


def _ratios(results: Results) -> str:
    titles = {case.name: case.title for case in CASES} | {"start": "`bin/start`"}
    lines = ["| | beside | ratio | wanted | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        rounds = results.comparison.get(target.case, {})
        if {"ours", target.other} <= rounds.keys():
            what = f"{titles[target.case]}, {UNITS[target.figure]}"
            ratio = target.measured(rounds)
            cells = [what, TITLES[target.other], ratio.text(2), target.wanted, target.verdict(ratio)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(results: Results, cases: Sequence[Case]) -> str:
    def per_second(case: Case, name: str) -> str:
        return _cell(results.comparison[case.name][name], "per_second")

    def p99(case: Case, name: str) -> str:
        return f"{median(column(results.comparison[case.name][name], 'p99')):.1f}"

    blocks = [_head(results, cases)]
    blocks.append(f"### Requests a second\n\n{_table(cases, STACKS, per_second)}")
    blocks.append(f"### 99 of 100 answers within, ms\n\n{_table(cases, STACKS, p99)}")
    beside = [case for case in cases if OWN_WORKER in results.comparison[case.name]]
    if beside:
        blocks.append(
            f"### Requests a second, by worker\n\n{_table(beside, ('ours', OWN_WORKER), per_second)}"
        )
    if results.comparison.get("start"):
        blocks.append(f"### Start and memory\n\n{_start(results)}")
    return "\n\n".join(blocks)


def _head(results: Results, cases: Sequence[Case]) -> str:
    machine = results.machine
    days = sorted({day for name, day in results.dates.items() if name in results.comparison})
    busy = [
        figures["busy"]
        for case in cases
        for name in STACKS
        for figures in results.comparison[case.name].get(name, [])
    ]
    return (
        f"Measured {' and '.join(days)} on {machine['cpus']} CPUs, {machine['busy']} % busy before; "
        f"{rounds_of(results.comparison)} rounds of {machine['seconds']} s. Each server used at least "
        f"{100 * min(busy):.0f} % of its core. {machine['versions']}; gunicorn's parser {machine['parser']}."
    )


def _start(results: Results) -> str:
    lines = [
        "| | ms until it answers | MiB at rest | MiB after load |",
        "|---|---|---|---|",
    ]
    start, session = results.comparison["start"], results.comparison.get("session", {})
    for name in (*STACKS, "falcon"):
        if name in start:
            cells = [
                _cell(start[name], "start", 1000),
                _cell(start[name], "memory"),
                _cell(session.get(name, []), "memory"),
            ]
            lines.append(f"| {TITLES[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(cases: Sequence[Case], names: Sequence[str], cell: Callable[[Case, str], str]) -> str:
    """A row for each case and a column for each server."""
    lines = [f"| | {' | '.join(TITLES[name] for name in names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {case.title} | {' | '.join(cell(case, name) for name in names)} |" for case in cases]
    return "\n".join(lines)


def _cell(rounds: Sequence[Figures], key: str, scale: float = 1.0) -> str:
    return Spread.of(column(rounds, key)).text(scale=scale) if rounds else ""


def _chart(results: Results, cases: Sequence[Case]) -> Chart:
    labels = [TITLES[name] for name in STACKS]
    panels = [
        Panel(case.title.replace("`", ""), labels, _per_second(results.comparison[case.name]), digits=0)
        for case in cases
    ]
    return Chart("Requests a second on one core: median, lowest to highest round", "bars", panels)


def _per_second(rounds: Mapping[str, Sequence[Figures]]) -> list[Spread]:
    return [Spread.of(column(rounds[name], "per_second")) for name in STACKS]
