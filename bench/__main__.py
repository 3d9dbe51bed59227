"""Measures this service beside its peers, pinned to one core, and writes docs/benchmarks.md and its plots.

    bench/run                     everything, in about half an hour
    bench/run --quick             a short run, to see that it works; writes to .data/bench/quick
    bench/run --only session      measures one case or part again; the others keep their figures
    bench/run --only page         measures nothing; writes the page from the figures that it finds

It saves the figures in .data/bench/results.json after the comparison and after each part of growth.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import psutil

from bench import cores, page
from bench.build import DATA, Built, build, install_python_peers
from bench.cases import CASES
from bench.charts import draw
from bench.comparison import START, Comparison
from bench.databases import migrate_quietly
from bench.growth import QUICK_SIZES, SIZES, Growth
from bench.progress import Progress
from bench.report import PAGE, today
from bench.results import FILE, Results
from bench.servers import servers
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database

COMPARED = [*(case.name for case in CASES), START]
ONLY_PAGE = "page"
LOOK_SECONDS = 2.0
QUIET_PERCENT = 5.0
"""How busy the CPUs may be with other programs before a run warns."""
STEP_SECONDS = 2.5
"""How long the start, the warm-up and the stop of a server take beside its measurement."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    parts = options.only or [*COMPARED, *SIZES]
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = options.seconds or (1 if options.quick else 4)
    # A quick run is too short to measure anything, so it leaves the page and its figures alone.
    folder, figures = (DATA / "quick", DATA / "quick.json") if options.quick else (PAGE.parent, FILE)
    folder, figures = options.output or folder, options.results or figures
    results = Results.read(figures)
    # This comes first, so that a missing package does not waste half an hour of measurements.
    python = install_python_peers()
    if parts != [ONLY_PAGE]:
        _measure(results, parts, rounds=rounds, seconds=seconds, figures=figures, is_quick=options.quick)
    print(page.write(results, folder))
    for name, chart in page.charts(results).items():
        draw(chart, folder / name, python=python)
        print(folder / name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round of one second each, and small sizes")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*COMPARED, *SIZES, ONLY_PAGE],
        metavar="CASE",
        help=f"only this again, one of: {', '.join([*COMPARED, *SIZES, ONLY_PAGE])}; repeat it for several",
    )
    parser.add_argument(
        "--rounds", type=int, help="of the comparison (default 5); growth takes three fifths of them"
    )
    parser.add_argument("--seconds", type=int, help="of each measurement, after its warm-up (default 4)")
    parser.add_argument("--output", type=Path, help="folder of the page (default docs, or .data/bench/quick)")
    parser.add_argument(
        "--results", type=Path, help="file of the figures (default .data/bench/results.json, or quick.json)"
    )
    return parser


def _measure(
    results: Results, parts: Sequence[str], *, rounds: int, seconds: int, figures: Path, is_quick: bool
) -> None:
    built = build()
    busy = _busy_elsewhere()
    by_name = servers(built)
    compared = [name for name in COMPARED if name in parts]
    growing = [name for name in SIZES if name in parts]
    growth_rounds = max(1, rounds * 3 // 5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder))
        cores.use_load_core(postgres.pid)
        url = stack.enter_context(fresh_database(postgres))
        migrate_quietly(url)
        sizes = QUICK_SIZES if is_quick else SIZES
        growth = Growth(by_name["ours"], postgres, seconds=seconds, sizes=sizes)
        steps = len(Comparison.steps(compared, 0)) * rounds
        weight = steps + sum(growth.weight(part, growth_rounds) for part in growing)
        progress = Progress(weight, step_seconds=seconds + STEP_SECONDS)
        results.machine = {**_machine(built), "seconds": str(seconds), "busy": busy}
        if compared:
            comparison = Comparison(by_name, url, seconds=seconds)
            comparison.run(compared, results, rounds=rounds, progress=progress)
        for name in compared:
            results.dates[name] = today()
        results.write(figures)
        for part in growing:
            growth.run(part, results, rounds=growth_rounds, progress=progress)
            results.dates[part] = today()
            results.write(figures)


def _busy_elsewhere() -> str:
    """The percentage of the machine's time that other programs use. Warns if that is too much."""
    busy = psutil.cpu_percent(LOOK_SECONDS)
    if busy > QUIET_PERCENT:
        print(f"bench: {busy:.0f} % of this machine is busy with something else.", file=sys.stderr)
    return f"{busy:.0f}"


def _machine(built: Built) -> dict[str, str]:
    script = (
        "from importlib.metadata import version as v;"
        "print(*(v(n) for n in ('fastapi', 'uvicorn', 'asyncpg', 'flask', 'gunicorn', 'psycopg')), sep=',')"
    )
    numbers = subprocess.check_output([str(built.python), "-c", script], text=True).strip().split(",")
    names = ("FastAPI", "uvicorn", "asyncpg", "Flask", "gunicorn", "psycopg")
    fastify = subprocess.check_output(
        ["node", "-p", "require('fastify/package.json').version"], cwd=built.fastify.parent, text=True
    )
    node = subprocess.check_output(["node", "--version"], text=True)
    return {
        "cpus": str(os.cpu_count()),
        "parser": "in C (gunicorn_h1c)" if _has_c_parser() else "in Python",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {number}" for name, number in zip(names, numbers, strict=True)),
                f"Falcon {version('falcon')}",
                f"Node.js {node.strip().removeprefix('v')}",
                f"Fastify {fastify.strip()}",
            ]
        ),
    }


def _has_c_parser() -> bool:
    try:
        return bool(version("gunicorn_h1c"))
    except ImportError:
        return False


if __name__ == "__main__":
    sys.exit(main())
