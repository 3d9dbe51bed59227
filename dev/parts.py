"""What `bin/dev` runs on which ports."""

import socket
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain

from app.settings.providers import DEVELOPMENT

HIGHEST_PORT = 65535
LOWEST_FREE_PORT = 1024
"""Those below need root."""
SECOND = "second"


class PortError(Exception):
    """A port that cannot be used; the message names the variable to change."""


@dataclass(frozen=True, slots=True)
class Part:
    """A port of ours: who listens there, and the variable that moves it."""

    name: str
    variable: str
    port: int

    @classmethod
    def of(cls, name: str, variable: str, default: int, settings: Mapping[str, str]) -> "Part":
        text = settings.get(variable) or str(default)
        if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
            raise PortError(f"{variable} is {text!r}, which is no port number.")
        return cls(name, variable, int(text))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", self.port))
            except OSError:
                return False
        return True

    def listen(self, host: str) -> socket.socket:
        """A socket for it, which an heir can share."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, self.port), family=family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All of them.

    Attributes:
        providers: by their names; none where people sign in elsewhere.
        proxy: with `--forward-auth` alone.
    """

    service: Part
    frontend: Part
    second_api: Part
    providers: Mapping[str, Part]
    proxy: Part | None

    @classmethod
    def of(cls, settings: Mapping[str, str], *, has_proxy: bool) -> "Parts":
        """Those that the settings ask for.

        Raises:
            PortError: a variable is no port number, or its port is taken or another part's.
        """
        parts = cls(
            service=Part.of("the service", "PORT", 3000, settings),
            frontend=Part.of("the sample frontend", "DEV_FRONTEND_PORT", 5173, settings),
            second_api=Part.of("the second API", "DEV_SECOND_API_PORT", 3001, settings),
            providers={} if _names_provider(settings) else _providers(settings),
            proxy=Part.of("the proxy", "DEV_PROXY_PORT", 8080, settings) if has_proxy else None,
        )
        proxy, command = ([parts.proxy], "bin/dev --forward-auth") if parts.proxy else ([], "bin/dev")
        all_parts = [parts.service, parts.frontend, parts.second_api, *parts.providers.values(), *proxy]
        _check_differ(all_parts)
        _check_are_free(all_parts, settings, command)
        return parts


def _check_differ(parts: Sequence[Part]) -> None:
    for port in dict.fromkeys(part.port for part in parts):
        variables = [part.variable for part in parts if part.port == port]
        if len(variables) > 1:
            names = f"{', '.join(variables[:-1])} and {variables[-1]}"
            raise PortError(f"{names} have the same port, {port}: give each a port of its own.")


def _check_are_free(parts: Sequence[Part], settings: Mapping[str, str], command: str) -> None:
    taken = [part for part in parts if not part.is_free()]
    if not taken:
        return
    wanted = {part.port for part in parts}
    assignments = []
    for part in parts:
        port = part.port
        if part in taken:
            port = _next_free(part, wanted)
            wanted.add(port)
        elif not settings.get(part.variable):
            continue
        # Ports that the settings name are told again, so that the command can be pasted as it is.
        assignments.append(f"{part.variable}={port}")
    sentences = [f"Port {part.port} of {part.name} is taken." for part in taken]
    which, others = ("it", "another") if len(taken) == 1 else ("them", "others")
    advice = f"Stop what uses {which}, or choose {others}: {' '.join(assignments)} {command}"
    raise PortError("\n".join([*sentences, advice]))


def _next_free(part: Part, wanted: AbstractSet[int]) -> int:
    """The next port that is free and in none of those wanted."""
    for port in chain(range(part.port + 1, HIGHEST_PORT + 1), range(LOWEST_FREE_PORT, part.port)):
        if port not in wanted and replace(part, port=port).is_free():
            return port
    raise PortError("No port is free.")


def _names_provider(settings: Mapping[str, str]) -> bool:
    """Whether people sign in elsewhere; GOOGLE_CLIENT_ID alone means Google, as in production."""
    return bool(settings.get("PROVIDERS") or settings.get("GOOGLE_CLIENT_ID"))


def _providers(settings: Mapping[str, str]) -> dict[str, Part]:
    """Two, so that choosing and linking can be seen."""
    return {
        DEVELOPMENT: Part.of("the sign-in provider", "DEV_PROVIDER_PORT", 9400, settings),
        SECOND: Part.of("the second sign-in provider", "DEV_SECOND_PROVIDER_PORT", 9401, settings),
    }
