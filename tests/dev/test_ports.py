"""The ports of `bin/dev`: each part has its own, and a taken one is told with a command that moves it."""

import re
import socket
from contextlib import ExitStack

import pytest

from dev.parts import Parts, PortError
from tests.dev.conftest import Develop, is_listening
from tests.support.service import free_port

WANTED = {
    "PORT": "the service",
    "DEV_FRONTEND_PORT": "the sample frontend",
    "DEV_SECOND_API_PORT": "the second API",
    "DEV_PROVIDER_PORT": "the sign-in provider",
    "DEV_SECOND_PROVIDER_PORT": "the second sign-in provider",
    "DEV_PROXY_PORT": "the proxy",
}
"""Who wants the port that each variable names."""


def test_taken_ports_are_named_with_who_wanted_them_and_one_command_that_moves_them(
    develop: Develop,
) -> None:
    with ExitStack() as stack:
        taken = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in WANTED}
        ports = {name: listener.getsockname()[1] for name, listener in taken.items()}
        development = develop(
            arguments=["--forward-auth"], **{name: str(port) for name, port in ports.items()}
        )
        assert development.wait(30) == 1
        *sentences, advice = development.lines
        assert sentences == [f"Port {ports[name]} of {part} is taken." for name, part in WANTED.items()]
        found = re.fullmatch(r"Stop what uses them, or choose others: (.*) bin/dev --forward-auth", advice)
        assert found, advice
        moved = {name: int(port) for name, _, port in (word.partition("=") for word in found[1].split())}
        assert moved.keys() == WANTED.keys()
        assert len({*moved.values(), *ports.values()}) == 2 * len(WANTED)
        assert not any(is_listening(port) for port in moved.values())


def test_the_port_to_move_to_is_free_and_no_other_part_wants_it() -> None:
    # Three in a row: the first is taken, another part wants the second, somebody has the third.
    with ExitStack() as stack:
        while True:
            first = free_port()
            try:
                row = [stack.enter_context(socket.create_server(("127.0.0.1", first + n))) for n in range(3)]
            except OSError:
                continue
            break
        row[1].close()
        settings = {name: str(free_port()) for name in WANTED if name != "PORT"}
        settings |= {"PORT": str(first), "DEV_SECOND_API_PORT": str(first + 1)}
        with pytest.raises(PortError) as raised:
            Parts.of(settings, has_proxy=False)
    sentence, advice = str(raised.value).splitlines()
    assert sentence == f"Port {first} of the service is taken."
    found = re.fullmatch(r"Stop what uses it, or choose another: PORT=(\d+) (.*) bin/dev", advice)
    assert found, advice
    assert int(found[1]) > first + 2
    # What was typed before the first command is in the second, too.
    others = [name for name in WANTED if name not in {"PORT", "DEV_PROXY_PORT"}]
    assert found[2].split() == [f"{name}={settings[name]}" for name in others]


def test_two_parts_with_one_port_are_refused_by_their_variables(develop: Develop) -> None:
    port = str(free_port())
    development = develop(PORT=port, DEV_FRONTEND_PORT=port, DEV_PROVIDER_PORT=port)
    assert development.wait(30) == 1
    variables = "PORT, DEV_FRONTEND_PORT and DEV_PROVIDER_PORT"
    assert development.lines == [f"{variables} have the same port, {port}: give each a port of its own."]
