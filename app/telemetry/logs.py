"""Log lines: one JSON object each, or one readable line each in development."""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

REQUEST_FIELDS: ContextVar[Mapping[str, object]] = ContextVar("request_fields", default=MappingProxyType({}))
"""Fields of each record of the current request: request_id and, where it is valid, its trace."""

QUIET_LOGGERS = {
    # DEBUG would print codes, tokens and secrets.
    "oauthlib": logging.INFO,
    "requests_oauthlib": logging.INFO,
    "urllib3": logging.ERROR,
    # app.database.pool says once what the pool would say at every attempt.
    "psycopg.pool": logging.CRITICAL,
    "psycopg": logging.ERROR,
    # app.telemetry reports a failure once, the SDK would at each attempt and for each odd header.
    "opentelemetry": logging.CRITICAL + 1,
}

# Made once, as json.dumps would make one for each call with these options.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
# JSON does not escape these, but some software reads them as the end of a line.
_LINE_ENDS = {ord(character): f"\\u{ord(character):04x}" for character in "\x7f\x85\u2028\u2029"}
_FIRST = ("code", "event", "cause")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, with milliseconds and Z."""
    milliseconds = int(seconds * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def rfc3339(moment: datetime) -> str:
    """The moment as RFC 3339 in UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JSONFormatter(logging.Formatter):
    """A JSON object: time, level, message, then the request's fields and the record's own."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **REQUEST_FIELDS.get(),
            **_extra_fields(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return f"{{{json_members(entry)}}}"


def json_members(fields: Mapping[str, object]) -> str:
    """A JSON object without its braces, on one line."""
    line = _ENCODER.encode(fields)[1:-1]
    return line if line.isprintable() else line.translate(_LINE_ENDS)


class ConsoleFormatter(logging.Formatter):
    """`12:34:56 INFO    message  key=value`, control characters escaped; why something failed comes first.

    A request is `GET /auth/session 200 1.234 ms`, and its id and client are told only where it was refused.
    """

    def format(self, record: logging.LogRecord) -> str:
        own = _extra_fields(record)
        message = record.getMessage()
        if "duration_ms" in own:
            message = "{method} {route} {status} {duration_ms} ms".format(**own)
            own = {name: own[name] for name in ("code", "origin") if name in own}
        shown = {name: own[name] for name in _FIRST if name in own} | own
        fields = shown | dict(REQUEST_FIELDS.get()) if shown else {}
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        pairs = "  ".join(f"{key}={_shown(value)}" for key, value in fields.items() if value is not None)
        line = f"{clock} {record.levelname:<7} {_shown(message, quote=False)}  {pairs}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(
    log_format: Literal["json", "console"], level: str, stream: "SupportsWrite[str] | None" = None
) -> None:
    """Sends each record of this process to the stream; the default is standard output."""
    # No line shows these, so no record should pay for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JSONFormatter() if log_format == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, quiet_level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(max(quiet_level, root.level))


@contextmanager
def request_fields(fields: Mapping[str, object]) -> Iterator[None]:
    """Adds fields to each record logged inside."""
    token = REQUEST_FIELDS.set(fields)
    try:
        yield
    finally:
        REQUEST_FIELDS.reset(token)


def _extra_fields(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}


def _shown(value: object, *, quote: bool = True) -> str:
    text = str(value)
    if text.isprintable() and not (quote and " " in text):
        return text
    escaped = json.dumps(text, ensure_ascii=not text.isprintable())
    return escaped if quote else escaped[1:-1]
