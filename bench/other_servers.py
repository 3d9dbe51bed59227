"""What this application costs under other servers; writes docs/benchmarks.md.

    bin/python -m bench.other_servers [--rounds 5] [--seconds 2]

Each server runs the whole application, in one process with eight threads where it has any, over the same
database. The table has the CPU time of a request, of all the server's processes.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from app.settings.places import ROOT
from bench import cores
from bench.build import Built, build
from bench.cases import CASES, UNLIMITED, Case, check
from bench.comparison import ask, only_user
from bench.databases import migrate_quietly
from bench.report import measured_here, write_section
from bench.results import Spread
from bench.servers import PORT, Server, running, servers
from dev.postgres import EmbeddedPostgres
from tests.support.live_session import insert_live_session

APP = "app.wsgi:get_app"
OURS = ("ours", "gthread")
MEASURED = ("health", "session")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    built = build()
    compared = {name: server for name, server in servers(built).items() if name in OURS} | _others(built)
    cases = [case for case in CASES if case.name in MEASURED]
    figures: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder))
        cores.use_load_core(postgres.pid)
        url = postgres.url()
        migrate_quietly(url)
        cookie = insert_live_session(url)["Cookie"]
        for number in range(options.rounds):
            for name, server in list(compared.items())[:: -1 if number % 2 else 1]:
                print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
                with running(server, database_url=url, rate_limit=UNLIMITED) as service:
                    for case in cases:
                        check(case, OURS[0], service, cookie=cookie, user=only_user(url))
                        seen = ask(
                            service, case.path, headers=case.headers_for(cookie), seconds=options.seconds
                        )
                        figures.setdefault((case.name, name), []).append(seen["cpu"])
    write_section("other-servers", _table(figures, cases, list(compared)))


def _others(built: Built) -> dict[str, Server]:
    """Servers that bench/run does not compare, with what it has installed for its peers."""
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([str(built.python), "-c", script], text=True).strip()
    environ = {"PYTHONPATH": f"{ROOT}:{packages}"}
    python = (sys.executable, "-P", "-m")
    gunicorn = (*python, "gunicorn", "--workers", "1", "--no-control-socket", "--bind", f"127.0.0.1:{PORT}")
    commands: Mapping[str, tuple[str, ...]] = {
        "sync": (*gunicorn, "--worker-class", "sync", f"{APP}()"),
        "gevent": (*gunicorn, "--worker-class", "gevent", f"{APP}()"),
        "waitress": (*python, "waitress", "--threads", "8", "--listen", f"127.0.0.1:{PORT}", "--call", APP),
        "granian": (
            *(*python, "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", PORT),
            *("--workers", "1", "--blocking-threads", "8", "--factory", APP),
        ),
    }
    return {name: Server(name, command, environ) for name, command in commands.items()}


def _table(figures: Mapping[tuple[str, str], list[float]], cases: list[Case], names: list[str]) -> str:
    lines = [
        f"{measured_here()} µs of CPU time a request.",
        "",
        f"| | {' | '.join(names)} |",
        f"|{'---|' * (len(names) + 1)}",
    ]
    for case in cases:
        medians = [f"{Spread.of(figures[case.name, name]).median:.0f}" for name in names]
        lines.append(f"| {case.title} | {' | '.join(medians)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
