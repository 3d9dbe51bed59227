"""Shows where this service spends its time under the load of a case, as py-spy or perf samples it.

    bench/profile session                 the Python functions most often found running
    bench/profile session --flamegraph    .data/bench/profile-session.svg, for a browser
    bench/profile session --perf          below Python: interpreter, libraries, kernel

Processes are pinned as in bench/run. py-spy and perf attach to another process, so you must be root, or set
/proc/sys/kernel/yama/ptrace_scope to 0 and /proc/sys/kernel/perf_event_paranoid to 1.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from bench import cores
from bench.build import DATA, build
from bench.cases import CASES, TOO_MANY_REQUESTS, Case, check
from bench.comparison import ask, only_user
from bench.databases import migrate_quietly
from bench.servers import Running, running, servers
from dev.postgres import EmbeddedPostgres
from tests.support.live_session import insert_live_session

LISTED = 30
ATTEMPTS = 5
PY_SPY_RATE = 250
"""Samples a second."""
PERF_RATE = 999
"""Samples a second."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench/profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [case.name for case in CASES]
    parser.add_argument("case", choices=names, metavar="CASE", help=f"one of: {', '.join(names)}")
    parser.add_argument("--seconds", type=int, default=10)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--flamegraph", action="store_true", help="write an SVG file instead of a list")
    kinds.add_argument("--perf", action="store_true", help="use perf, which shows what runs below Python")
    parser.add_argument("--gil", action="store_true", help="only threads that hold the GIL; leaves out waits")
    options = parser.parse_args()
    if options.perf and shutil.which("perf") is None:
        parser.error("perf is not installed; on Debian it is in linux-perf")
    [case] = [case for case in CASES if case.name == options.case]
    built = build()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder))
        cores.use_load_core(postgres.pid)
        migrate_quietly(postgres.url())
        cookie = insert_live_session(postgres.url())["Cookie"]
        ours = servers(built)["ours"]
        with running(ours, database_url=postgres.url(), rate_limit=case.rate_limit) as service:
            output = DATA / f"profile-{case.name}.svg" if options.flamegraph else folder / "raw"
            worker = str(service.family()[-1].pid)
            # In the case of refusals, this also uses up the limit.
            check(case, ours.name, service, cookie=cookie, user=only_user(postgres.url()))
            if options.perf:
                command = _perf(worker, output, options.seconds)
            else:
                command = _py_spy(built.python.parent / "py-spy", worker, output, options.seconds)
                command += ["--gil"] if options.gil else []
            _record(case, service, cookie, command, options.seconds)
        if options.perf:
            print(_perf_report(output))
        else:
            print(output if options.flamegraph else _py_spy_report(output.read_text()))


def _py_spy(program: Path, pid: str, output: Path, seconds: int) -> list[str]:
    kind = "flamegraph" if output.suffix == ".svg" else "raw"
    command = [str(program), "record", "--pid", pid, "--output", str(output), "--format", kind]
    return [*command, "--rate", str(PY_SPY_RATE), "--duration", str(seconds), "--nonblocking"]


def _perf(pid: str, output: Path, seconds: int) -> list[str]:
    # Most virtual machines have no CPU counters, so perf samples by a clock.
    command = ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", str(PERF_RATE), "--pid", pid]
    return [*command, "--output", str(output), "--", "sleep", str(seconds)]


def _record(case: Case, service: Running, cookie: str, command: list[str], seconds: int) -> None:
    """Runs the load while the command samples the worker, from the warm-up on."""
    # py-spy does not stop the worker. It fails where what it reads at its beginning is half changed.
    for _ in range(ATTEMPTS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr) as recorder:
            ask(
                service,
                case.path,
                headers=case.headers_for(cookie),
                seconds=seconds,
                refused=case.status == TOO_MANY_REQUESTS,
            )
        if recorder.returncode == 0:
            return
    raise RuntimeError(f"{command[0]} failed {ATTEMPTS} times")


def _perf_report(samples: Path) -> str:
    """The libraries by how often perf saw them running, then their functions."""
    lines: list[str] = []
    for title, keys in (("by library", "dso"), ("by function", "dso,symbol")):
        command = [
            "perf",
            "report",
            "--stdio",
            "--input",
            str(samples),
            "--sort",
            keys,
            "--percent-limit",
            "1",
        ]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = [line.strip() for line in report.splitlines() if line.strip() and not line.startswith("#")]
        lines += [title, *found[:LISTED]]
    return "\n".join(lines)


def _py_spy_report(raw: str) -> str:
    """The functions by how often py-spy saw them running: alone, and with the functions that they called."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        # A frame is "name (file:line)"; the line number is dropped.
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        if not frames[-1]:
            continue
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    ours = Counter({frame: count for frame, count in whole.items() if "(app/" in frame})
    total = sum(own.values())
    lines: list[str] = []
    for title, counted in (("running itself", own), ("of app/, with what it calls", ours)):
        lines += [f"  own  whole  {title}"]
        lines += [
            f"{own[frame] / total:5.1%} {whole[frame] / total:6.1%}  {frame}"
            for frame, _ in counted.most_common(LISTED)
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
