"""What `bin/dev` runs on which ports."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from app.settings.providers import DEVELOPMENT

HIGHEST_PORT = 65535
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
            PortError: a variable is no port number, or its port is taken.
        """
        parts = cls(
            service=Part.of("the service", "PORT", 3000, settings),
            frontend=Part.of("the sample frontend", "DEV_FRONTEND_PORT", 5173, settings),
            second_api=Part.of("the second API", "DEV_SECOND_API_PORT", 3001, settings),
            providers={} if _names_provider(settings) else _providers(settings),
            proxy=Part.of("the proxy", "DEV_PROXY_PORT", 8080, settings) if has_proxy else None,
        )
        parts._check_are_free()
        return parts

    def _check_are_free(self) -> None:
        proxy, command = ([self.proxy], "bin/dev --forward-auth") if self.proxy else ([], "bin/dev")
        sentences = [
            f"Port {part.port} of {part.name} is taken. Stop what uses it, or choose another: "
            f"{part.variable}={part.port + 1} {command}"
            for part in (self.service, self.frontend, self.second_api, *self.providers.values(), *proxy)
            if not part.is_free()
        ]
        if sentences:
            raise PortError("\n".join(sentences))


def _names_provider(settings: Mapping[str, str]) -> bool:
    """Whether people sign in elsewhere; GOOGLE_CLIENT_ID alone means Google, as in production."""
    return bool(settings.get("PROVIDERS") or settings.get("GOOGLE_CLIENT_ID"))


def _providers(settings: Mapping[str, str]) -> dict[str, Part]:
    """Two, so that choosing and linking can be seen."""
    return {
        DEVELOPMENT: Part.of("the sign-in provider", "DEV_PROVIDER_PORT", 9400, settings),
        SECOND: Part.of("the second sign-in provider", "DEV_SECOND_PROVIDER_PORT", 9401, settings),
    }
