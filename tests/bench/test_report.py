"""How figures are read and shown."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import page, wrk
from bench.build import install_python_peers
from bench.cases import CASES, STACKS
from bench.charts import draw
from bench.growth import SIZES
from bench.report import PAGE
from bench.results import Figures, Results
from bench.targets import TARGETS

SVG = "{http://www.w3.org/2000/svg}"
REPORT = """\
Running 2s test @ http://127.0.0.1:3000/health
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.90ms    3.10ms  40.11ms   88.00%
    Req/Sec     4.55k   420.00     5.10k    70.00%
  Latency Distribution
     50%  850.00us
     75%    7.10ms
     90%    8.99ms
     99%    1.25s
  9056 requests in 2.00s, 7.20MB read
"""
FIGURES = {"per_second": 100.0, "cpu": 50.0, "p50": 1.0, "p99": 2.0, "memory": 60.0, "busy": 1.0}


def rounds(**changed: float) -> list[Figures]:
    return [FIGURES | changed, FIGURES | changed]


def results() -> Results:
    names = {target.other for target in TARGETS} | set(STACKS)
    machine = {"cpus": "2", "seconds": "1", "parser": "in C"}
    return Results(
        machine={**machine, "versions": "Python", "busy": "0"},
        comparison={
            name: {server: rounds(start=0.5, per_second=80 if server == "ours" else 100) for server in names}
            for name in (*(case.name for case in CASES), "start")
        },
        growth={
            part: {
                str(size): rounds(decision=4.0, decision_p99=5.0, nothing_pending=1.0, status=1.0, apply=1.0)
                for size in sizes
            }
            for part, sizes in SIZES.items()
        },
        dates=dict.fromkeys([*(case.name for case in CASES), "start", *SIZES], "2026-01-02"),
    )


def test_a_report_of_wrk_is_read_whatever_its_units() -> None:
    seen = wrk.parse(REPORT)
    assert (seen.requests, seen.seconds, seen.failed) == (9056, 2.0, 0)
    assert (seen.p50, seen.p99) == (0.85, 1250.0)
    assert seen.per_second == 4528


def test_answers_of_another_status_are_counted() -> None:
    assert wrk.parse(REPORT + "  Non-2xx or 3xx responses: 9056\n").failed == 9056


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(wrk.WrkError):
        wrk.parse("unable to connect to 127.0.0.1:3000 Connection refused\n")


def test_the_page_says_of_each_target_whether_it_is_met_and_by_how_much_not(tmp_path: Path) -> None:
    page.write(results(), tmp_path)
    lines = (tmp_path / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    [health] = [line for line in lines if line.startswith("| `/health`, requests a second | Fastify")]
    [slowest] = [line for line in lines if line.startswith("| `/health`, 99 of 100 answers within |")]
    assert health.endswith("| Fastify | 0.80 (0.80–0.80) | at least 1 | **missed** by 20% |")
    assert slowest.endswith("| 1.00 (1.00–1.00) | at most 1 | met |")
    assert len([line for line in lines if line.endswith("| met |") or "**missed**" in line]) == len(TARGETS)


def test_a_figure_shows_its_median_and_its_spread(tmp_path: Path) -> None:
    measured = results()
    measured.comparison["health"]["ours"] = [FIGURES | {"per_second": n} for n in (50.0, 10.0, 40.0)]
    for name in ("fastify", "fastapi", "flask", "gthread"):
        measured.comparison["health"][name] = rounds() + rounds()[:1]
    page.write(measured, tmp_path)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| `/health` | 40 (10–50) | 100 (100–100) |" in text


def test_the_page_shows_both_workers_where_both_were_measured(tmp_path: Path) -> None:
    measured = results()
    measured.comparison["session"]["gthread"] = rounds(per_second=20)
    text = page.write(measured, tmp_path).read_text(encoding="utf-8")
    assert "| | this service | gunicorn's own worker |" in text
    assert "| `/auth/session`, signed in | 80 (80–80) | 20 (20–20) |" in text


def test_a_ratio_is_taken_within_each_round(tmp_path: Path) -> None:
    measured = results()
    # The ratio of the medians would be 1.00.
    for name, figures in (("ours", (10.0, 20.0, 40.0)), ("gthread", (20.0, 40.0, 10.0))):
        measured.comparison["session"][name] = [FIGURES | {"per_second": n} for n in figures]
    for name in ("fastify", "fastapi", "flask"):
        measured.comparison["session"][name] = rounds() + rounds()[:1]
    text = page.write(measured, tmp_path).read_text(encoding="utf-8")
    assert "own worker | 0.50 (0.50–4.00) | at least 2 |" in text


def test_the_plots_have_a_value_for_each_server_and_size() -> None:
    bars, lines = page.charts(results()).values()
    assert [panel.title.split(",")[0] for panel in bars.panels] == [
        case.path.partition("?")[0] for case in CASES
    ]
    assert all(len(panel.labels) == len(panel.values) == len(STACKS) for panel in bars.panels)
    counts = {panel.x_title: len(panel.values) for panel in lines.panels}
    assert list(counts.values()) == [len(sizes) for sizes in SIZES.values()]


@pytest.mark.full
def test_the_plots_are_svg_and_the_same_for_the_same_figures(tmp_path: Path) -> None:
    python = install_python_peers()
    assert list(page.charts(results())) == ["benchmarks.svg", "benchmarks-growth.svg"]
    for name, chart in page.charts(results()).items():
        first, again = tmp_path / f"first-{name}", tmp_path / f"again-{name}"
        for path in (first, again):
            draw(chart, path, python=python)
        assert ET.parse(first).getroot().tag == SVG + "svg"  # noqa: S314  # our own file
        assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", ["benchmarks.svg", "benchmarks-growth.svg"])
def test_the_committed_plots_show_the_figures_of_the_page_as_text(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = {
        "benchmarks.svg": "### Requests a second\n(.*?)###",
        "benchmarks-growth.svg": "## Growth(.*?)##",
    }
    [table] = re.findall(section[name], text, re.DOTALL)
    medians = re.findall(r"\| ([\d.,]+) \(", table)
    root = ET.parse(PAGE.parent / name).getroot()  # noqa: S314  # our own file
    shown = [element.text for element in root.iter(SVG + "text")]
    assert len(medians) >= 10
    assert not [median for median in medians if median not in shown]


@pytest.mark.parametrize("name", ["benchmarks.svg", "benchmarks-growth.svg"])
def test_the_committed_plots_have_a_background_and_are_small(name: str) -> None:
    plot = PAGE.parent / name
    whole = next(path for path in ET.parse(plot).getroot().iter(SVG + "path"))  # noqa: S314  # our own file
    assert whole.get("style") == "fill: #ffffff"
    assert plot.stat().st_size < 60_000


def test_results_survive_being_written(tmp_path: Path) -> None:
    path = tmp_path / "data" / "results.json"
    results().write(path)
    assert Results.read(path) == results()
