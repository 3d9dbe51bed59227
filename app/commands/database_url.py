"""Checks a database's URL before any server is asked: what no server can make right is said at once."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo

from app.commands.errors import CommandError, Exit

UNREADABLE = "not a URL that PostgreSQL's libpq can read; % is written %25, / %2F, ? %3F and @ %40"
PORT = "the port must be from 1 to 65535; in a password, / is written %2F"
HOST = "the host must be a name, an address, or a socket's folder"
WHOLE_NUMBERS = (
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
"""libpq reads them only when it is connected."""
LAST_PORT = 65535
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
NOT_FILES = re.compile(r"system|[a-z0-9]+:.*")
"""The system's certificates, and a key that an engine of OpenSSL keeps."""
UNUSABLE = {"replication"}
"""Parameters that make a connection on which no ordinary statement runs."""
NOWHERE = "/nonexistent"
"""A folder without a server's socket: libpq gets this far only with parameters it accepts."""
HOW_NOWHERE_FAILS = "connection to server"


def check_url(url: str, variable: str) -> Mapping[str, Any]:
    """The parts of a URL, as libpq reads it.

    Raises:
        CommandError: CONFIGURATION; names the variable and the parameter, not the URL, which may hold a
            password.
    """
    if faults := faults_of(url):
        raise CommandError(Exit.CONFIGURATION, *(f"{variable}: {fault}" for fault in faults))
    return conninfo_to_dict(url)


def faults_of(url: str) -> list[str]:
    """What is wrong with a URL, a sentence each, to follow the variable's name."""
    query = _query(url)
    # With an @ in it, what looks like a parameter may be a piece of a password.
    may_quote = "@" not in query
    if faults := list(_faulty_parameters(query)):
        return faults if may_quote else [UNREADABLE]
    try:
        parameters = conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeError):
        return [UNREADABLE]
    if faults := list(_faulty_values(parameters)):
        return faults
    if refusal := _refusal(parameters):
        return [refusal if may_quote else UNREADABLE]
    return []


def _query(url: str) -> str:
    """What follows the ?. libpq takes one before the first @ for a part of the password."""
    return re.sub("^[^@/]*@", "", url.partition("://")[2]).partition("?")[2]


def _faulty_parameters(query: str) -> Iterator[str]:
    """Parameters that libpq does not have, or that have no value or two."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} - UNUSABLE
    for part in filter(None, query.split("&")):
        name = unquote(part.partition("=")[0])
        # libpq's own exception, for URLs of JDBC.
        if name not in known and part != "ssl=true":
            yield f"libpq has no parameter {name}; take it out"
        elif part.count("=") != 1:
            yield f"{name} must have one value; a further = is written %3D"


def _faulty_values(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Faults that libpq finds only when it connects, or only when a server has answered."""
    if any(not _is_host(host) for host in str(parameters.get("host", "")).split(",")):
        yield HOST
    if any(not _is_address(address) for address in str(parameters.get("hostaddr", "")).split(",")):
        yield "hostaddr must be an IP address"
    if any(not _is_port(port) for port in str(parameters.get("port", "")).split(",")):
        yield PORT
    if "connect_timeout" in parameters and not _is_timeout(parameters):
        yield "connect_timeout must be a number of seconds"
    for name in WHOLE_NUMBERS:
        if not re.fullmatch(r"\s*[-+]?[0-9]{1,9}\s*", str(parameters.get(name, 0))):
            yield f"{name} must be a whole number"
    for name in FILES:
        path = str(parameters.get(name, "system"))
        if not NOT_FILES.fullmatch(path) and not _is_readable(Path(path)):
            yield f"{name} names no file that can be read"
        elif name == "sslrootcert" and path != "system" and not _holds_certificates(path):
            yield f"{name} names a file without certificates"


def _is_host(name: str) -> bool:
    if name.startswith(("/", "@")):
        return True
    if ":" in name:
        return _is_address(name)
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return not re.search(r"[\s/@?#]", name)


def _is_address(text: str) -> bool:
    try:
        return not text or bool(ip_address(text))
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return not text or (re.fullmatch(r"\s*[0-9]{1,5}\s*", text) is not None and 0 < int(text) <= LAST_PORT)


def _is_timeout(parameters: Mapping[str, Any]) -> bool:
    try:
        return timeout_from_conninfo(dict(parameters)) > 0
    except (psycopg.ProgrammingError, OverflowError, ValueError):
        return False


def _holds_certificates(path: str) -> bool:
    # Few need this import.
    import ssl  # noqa: PLC0415

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return True


def _is_readable(path: Path) -> bool:
    # Opening a FIFO would wait for a writer.
    if not path.is_file():
        return False
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _refusal(parameters: Mapping[str, Any]) -> str | None:
    """Why libpq refuses the parameters, or its own variables in the environment; no server is asked."""
    hosts = str(parameters.get("host") or parameters.get("hostaddr") or "").count(",") + 1
    trial: dict[str, Any] = {**parameters, "host": ",".join([NOWHERE] * hosts), "hostaddr": ""}
    defaults = {option.keyword.decode(): option for option in pq.Conninfo.get_defaults()}
    gssencmode = parameters.get("gssencmode") or (defaults["gssencmode"].val or b"").decode()
    if gssencmode == "require":
        # No socket can be encrypted this way, so it would be refused here.
        trial["gssencmode"] = "disable"
    message = _try_to_connect(trial)
    if message is None or not _try_to_connect({"host": NOWHERE, "user": "x", "gssencmode": "disable"}):
        return message
    # The environment alone is refused, too.
    guilty = [option.envvar.decode() for option in defaults.values() if option.envvar]
    named = [name for name in guilty if name.removeprefix("PG").lower() in message]
    return f"{named[0] if named else 'a PG variable'} in the environment: {message}"


def _try_to_connect(parameters: Mapping[str, Any]) -> str | None:
    """The first line of what libpq says, unless it is that no server is there."""
    connection = pq.PGconn.connect_start(make_conninfo("", **parameters).encode())
    try:
        message = connection.get_error_message()
    finally:
        connection.finish()
    return None if message.startswith(HOW_NOWHERE_FAILS) else message.partition("\n")[0]
