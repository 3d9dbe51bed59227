"""How long /health takes beside crowds of slow or silent clients, with no proxy; writes docs/reliability.md.

    bin/python -m bench.crowds [--seconds 20] [--only KIND]

One worker has a core of its own. PostgreSQL, the crowd and a client share the other one. The client asks for
/health up to a hundred times a second, each time over a new connection.
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from bench import cores
from bench.databases import migrate_quietly
from bench.report import measured_here, write_section
from bench.servers import Server, running
from dev.postgres import EmbeddedPostgres
from tests.support.service import ROOT

PAGE = ROOT / "docs" / "reliability.md"
CROWDS = {
    "nobody": (0, "nobody"),
    "slowloris": (2000, "who send a header line every five seconds"),
    "silent": (2000, "who connect and say nothing"),
    "kept": (2500, "who keep their connection after an answer"),
    "reader": (200, "who read a byte a second of the largest answer"),
}
"""Kind → how many clients, and what they do."""
PAUSE = 0.01
MILLISECONDS = 1000
OURS = Server("ours", (str(ROOT / "bin" / "start"),), {"WEB_CONCURRENCY": "1"})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", choices=CROWDS, help="measure beside this crowd; leaves the page alone")
    options = parser.parse_args()
    rows = ["| beside | 50 of 100 answers within, ms | 99 of 100 within, ms |", "|---|---|---|"]
    for kind in [options.only] if options.only else CROWDS:
        count, title = CROWDS[kind]
        middle, slowest = measure(kind, options.seconds)
        rows.append(f"| {f'{count:,} ' if count else ''}{title} | {middle:.1f} | {slowest:.1f} |")
        print(rows[-1], flush=True)
    if not options.only:
        write_section("crowds", f"{measured_here()}\n\n" + "\n".join(rows), PAGE)


def measure(kind: str, seconds: int) -> tuple[float, float]:
    """Milliseconds within which half of the answers came, and 99 of 100, beside a crowd."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres(folder))
        migrate_quietly(postgres.url())
        cores.use_load_core(postgres.pid)
        service = stack.enter_context(running(OURS, database_url=postgres.url(), rate_limit="1000000/second"))
        stack.enter_context(_crowd(kind, service.port))
        taken = [_ask(service.port) for _ in range(int(seconds / PAUSE))]
    cuts = quantiles(taken, n=100)
    return cuts[49] * MILLISECONDS, cuts[98] * MILLISECONDS


@contextmanager
def _crowd(kind: str, port: int) -> Iterator[None]:
    count = CROWDS[kind][0]
    if not count:
        yield
        return
    command = [sys.executable, "-m", "bench.crowd_of", kind, str(count), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            if not process.stdout or not process.stdout.readline():
                raise RuntimeError("the crowd has ended")
            yield
        finally:
            process.kill()


def _ask(port: int) -> float:
    """Seconds from connecting to the whole answer."""
    time.sleep(PAUSE)
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/health")
    if connection.getresponse().read()[:1] != b"{":
        raise RuntimeError("/health did not answer as it should")
    connection.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
