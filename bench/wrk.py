"""Runs wrk, the load generator, with one thread and persistent connections."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class WrkError(Exception):
    """Not every answer was as expected, or wrk's report cannot be read. The message has the report."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk measured.

    Attributes:
        requests: the number of answers.
        seconds: how long wrk ran.
        p50: half of the answers came within so many milliseconds.
        p99: 99 of 100 answers came within so many milliseconds.
        failed: the number of answers with a status other than 2xx or 3xx.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def load(
    url: str,
    *,
    seconds: int,
    connections: int,
    headers: Mapping[str, str],
    refused: bool = False,
    script: tuple[Path, ...] = (),
) -> Load:
    """Requests a URL as fast as the server answers.

    Args:
        url: the URL.
        seconds: how long to do so.
        connections: how many connections to use at once.
        headers: the headers of every request.
        refused: whether every answer must be a refusal (4xx) instead of a success.
        script: a Lua file for wrk, and its argument; empty for none.

    Raises:
        WrkError: at least one answer was of the other kind or missing.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--latency", "--timeout", "5s"]
    command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    command += ["--script", str(script[0])] if script else []
    command += [url, "--", *map(str, script[1:])] if script else [url]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seen = parse(report)
    if seen.failed != (seen.requests if refused else 0) or not seen.requests or "Socket errors" in report:
        raise WrkError(f"not every answer of {url} was as expected:\n{report}")
    return seen


def parse(report: str) -> Load:
    """Reads wrk's report with --latency.

    Raises:
        WrkError: the text is no such report.
    """
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", report)
    percentiles = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+(?:us|ms|s|m))$", report, re.MULTILINE))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    if total is None or set(percentiles) != {"50", "99"}:
        raise WrkError(f"wrk's report cannot be read:\n{report}")
    return Load(
        requests=int(total[1]),
        seconds=float(total[2]) * MILLISECONDS[total[3]] / 1000,
        p50=_milliseconds(percentiles["50"]),
        p99=_milliseconds(percentiles["99"]),
        failed=int(failed[1]) if failed else 0,
    )


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\D+)", text).groups()  # type: ignore[union-attr]  # parse has matched it
    return float(number) * MILLISECONDS[unit]
