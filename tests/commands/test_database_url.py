"""What no server will ever make right ends a command at once, with the names of variable and parameter."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.commands.database_url import faults_of
from tests.housekeeping.conftest import run_command
from tests.support.service import Service, free_port

SECRET = "s3cret-passw0rd"  # looked for in what is said
URL = f"postgresql://service:{SECRET}@127.0.0.1:{{port}}/app"
FAULTY = {
    "sslmode=no-verify": "sslmode",
    "sslmode=": "sslmode",
    "sslmode": "sslmode",
    "sslmode=require=x": "sslmode",
    "channel_binding=maybe": "channel_binding",
    "gssencmode=on": "gssencmode",
    "target_session_attrs=writable": "target_session_attrs",
    "load_balance_hosts=yes": "load_balance_hosts",
    "require_auth=magic": "require_auth",
    "sslnegotiation=now": "sslnegotiation",
    "sslcertmode=x": "sslcertmode",
    "ssl_min_protocol_version=9": "ssl_min_protocol_version",
    "sslmode=require&sslrootcert=system": "sslrootcert",
    "sslmode=verify-full&sslrootcert=/nowhere/root.crt": "sslrootcert",
    "sslmode=verify-full&sslrootcert=/dev": "sslrootcert",
    "sslmode=verify-full&sslrootcert=/etc/passwd": "sslrootcert",
    "sslcert=/nowhere/client.crt": "sslcert",
    "sslkey=/nowhere/client.key": "sslkey",
    "connect_timeout=soon": "connect_timeout",
    "connect_timeout=nan": "connect_timeout",
    "keepalives=yes": "keepalives",
    "keepalives_idle=30s": "keepalives_idle",
    "tcp_user_timeout=5s": "tcp_user_timeout",
    "port=70000": "port",
    "port=five": "port",
    "port=1,2,3": "port",
    "hostaddr=db": "hostaddr",
    "service=nowhere": "service",
    "replication=database": "replication",
    "pgbouncer=true": "pgbouncer",
    "schema=public": "schema",
    "sslaccept=strict": "sslaccept",
    "sslidentity=client.p12": "sslidentity",
    "connection_limit=5": "connection_limit",
    "pool_timeout=0": "pool_timeout",
    "statement_cache_size=0": "statement_cache_size",
    "ssl=no-verify": "ssl",
    "uselibpqcompat=true&sslmode=require": "uselibpqcompat",
    "sslMode=require": "sslMode",
    "sslmode=require&pgbouncer": "pgbouncer",
    "%70gbouncer=true": "pgbouncer",
}
USABLE = [
    "",
    "?sslmode=verify-full&sslrootcert=system",
    "?ssl=true",
    "?channel_binding=require&sslmode=require",
    "?gssencmode=require",
    "?gssencmode=disable&connect_timeout=5.5&keepalives=1&tcp_user_timeout=5000",
    "?target_session_attrs=read-write&load_balance_hosts=random",
    "?options=-c%20search_path%3Dapp&application_name=my%20app",
    "?user=somebody@example.com",
    "?host=/run/postgresql",
    "?hostaddr=127.0.0.1",
    "?require_auth=scram-sha-256",
]
ODD_PASSWORDS = ["pa?ss=x", "pa?sslmode=x", "pa#ss", "pa%40ss", "pa:ss", "p[w"]
SHAPES = [
    f"postgresql://service:{SECRET}/x@127.0.0.1/app",
    f"postgresql://service:x@y?{SECRET}=x@127.0.0.1/app",
    f"postgresql://service:x@y?sslmode={SECRET}@127.0.0.1/app",
    f"postgresql://service:x/y?{SECRET}=x@127.0.0.1/app",
    f"postgresql://service:100%{SECRET}@127.0.0.1/app",
    f"postgresql://service:%FF{SECRET}@127.0.0.1/app",
    f"postgresql://service:{SECRET}@[::1/app",
    f"postgresql://service:{SECRET}@[db:5432]/app",
    f"postgresql://service:{SECRET}@db..example/app",
    f"postgresql://service:{SECRET}@{'d' * 64}.example/app",
    f"postgresql://service:{SECRET}@db:99999/app",
    f"postgresql://service:{SECRET}@db:five/app",
]
COMMANDS = [
    ("users", "list"),
    ("sessions", "list"),
    ("migrate", "up"),
    ("migrate", "check"),
    ("migrate", "dump"),
]
QUERIES = ["sslmode=no-verify", "pgbouncer=true", "connect_timeout=soon", "port=70000"]
SECONDS = 20
"""A third of what a command would wait for a server."""


@pytest.fixture
def url() -> str:
    """Where nobody listens: a command that asks for a server waits."""
    return URL.format(port=free_port())


@pytest.mark.parametrize(("query", "parameter"), FAULTY.items(), ids=FAULTY)
def test_a_faulty_parameter_is_named(url: str, query: str, parameter: str) -> None:
    [fault] = faults_of(f"{url}?{query}")
    assert parameter in fault
    assert SECRET not in fault


@pytest.mark.parametrize("query", USABLE)
def test_what_libpq_takes_is_no_fault(url: str, query: str) -> None:
    assert faults_of(url + query) == []


@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_a_password_that_libpq_understands_is_no_fault(password: str) -> None:
    assert faults_of(f"postgresql://service:{password}@db:5432/app?sslmode=require") == []
    [fault] = faults_of(f"postgresql://service:{password}@db:5432/app?pgbouncer=true")
    assert "pgbouncer" in fault


@pytest.mark.parametrize("url", SHAPES)
def test_a_url_that_is_none_is_a_fault_that_tells_no_secret(url: str) -> None:
    [fault] = faults_of(url)
    assert SECRET not in fault


def test_every_faulty_parameter_is_named_at_once(url: str) -> None:
    faults = faults_of(f"{url}?pgbouncer=true&sslmode=require&connection_limit=5")
    assert [fault.split(";")[0] for fault in faults] == [
        "libpq has no parameter pgbouncer",
        "libpq has no parameter connection_limit",
    ]


def test_a_certificate_that_is_a_pipe_is_not_waited_for(url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root.crt")
    [fault] = faults_of(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/root.crt")
    assert "sslrootcert" in fault


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_ends_at_once_and_names_the_variable(
    url: str, command: tuple[str, ...], query: str
) -> None:
    outcome = run_command(*command, DATABASE_URL=f"{url}?{query}")
    assert outcome.code == 78
    assert outcome.stderr.startswith("DATABASE_URL: ")
    assert query.partition("=")[0] in outcome.stderr
    assert SECRET not in outcome.stderr
    assert "Waiting" not in outcome.stdout


@pytest.mark.parametrize("command", COMMANDS[2:], ids=" ".join)
def test_the_url_for_migrations_is_named_by_its_own_variable(
    url: str, database_url: str, command: tuple[str, ...]
) -> None:
    faulty = f"{url}?sslmode=no-verify"
    outcome = run_command(*command, DATABASE_URL=database_url, MIGRATE_DATABASE_URL=faulty)
    assert outcome.code == 78
    assert outcome.stderr.startswith("MIGRATE_DATABASE_URL: ")


@pytest.mark.parametrize("setting", ["true", "false"])
def test_the_start_names_every_url_and_parameter_at_once(
    url: str, make_service: Callable[..., Service], setting: str
) -> None:
    service = make_service(
        database_url=f"{url}?pgbouncer=true",
        MIGRATE_DATABASE_URL=f"{url}?sslmode=no-verify",
        MIGRATE_ON_START=setting,
    )
    assert service.wait(SECONDS) == 78
    assert service.messages() == [
        "The configuration is not valid:",
        "DATABASE_URL: libpq has no parameter pgbouncer; take it out",
        'MIGRATE_DATABASE_URL: invalid sslmode value: "no-verify"',
    ]


@pytest.mark.parametrize("name", ["PGSSLMODE", "PGCHANNELBINDING", "PGTARGETSESSIONATTRS", "PGSERVICE"])
def test_a_fault_of_libpqs_own_variables_is_named_too(url: str, name: str) -> None:
    outcome = run_command("migrate", DATABASE_URL=url, **{name: "no-verify"})
    assert outcome.code == 78
    assert name in outcome.stderr or name.removeprefix("PG").lower() in outcome.stderr.replace("_", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DB_SSLMODE", "no-verify"),
        ("DB_PORT", "70000"),
        ("DB_PORT", "five"),
        ("DB_HOST", "db:5432"),
        ("DB_HOST", "postgresql://db"),
        ("DB_HOST", "db/app"),
        ("DB_HOST", "[::1]"),
    ],
)
def test_a_faulty_part_is_named_by_its_own_variable(
    make_service: Callable[..., Service], variable: str, value: str
) -> None:
    parts = {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(free_port()),
        "DB_USER": "service",
        "DB_PASSWORD": SECRET,
        "DB_NAME": "app",
        variable: value,
    }
    for command in COMMANDS:
        outcome = run_command(*command, **parts)
        assert outcome.code == 78
        assert f"\n{variable}: must be " in outcome.stderr
        assert SECRET not in outcome.stderr
    service = make_service(database_url="", **parts)
    assert service.wait(SECONDS) == 78
    assert any(message.startswith(f"{variable}: ") for message in service.messages())


def test_an_option_that_the_server_does_not_know_is_not_waited_for(database_url: str) -> None:
    for options, word in (("-c no_such=1", "no_such"), ("--no-such", "no-such")):
        url = f"{database_url}&options={options.replace(' ', '%20').replace('=', '%3D')}"
        outcome = run_command("migrate", DATABASE_URL=url)
        assert outcome.code == 78, outcome
        assert word in outcome.stderr
        assert "options" in outcome.stderr
