"""`bin/dev`: everything a newcomer needs, in one terminal."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from app.settings.environment import data_folder, load_database_url, with_dotenv
from app.settings.providers import DEVELOPMENT, prefix_of
from dev.postgres import EmbeddedPostgres
from dev.postgres_programs import EmbeddedPostgresError
from dev.processes import Processes
from dev.service import ReloadingService, announced

DESCRIPTION = """\
Runs the service on http://localhost:3000 with its own PostgreSQL, two development sign-in providers, a second
small API and a sample frontend on http://localhost:5173. A change of code, SQL or templates reloads the
service. Ctrl-C stops all of it.
"""
EPILOG = """\
PORT, DEV_FRONTEND_PORT, DEV_PROVIDER_PORT, DEV_SECOND_PROVIDER_PORT and DEV_SECOND_API_PORT choose other
ports, DEV_DATA_DIR another folder than .data.
Settings in .env win: with DATABASE_URL there no PostgreSQL is started, with PROVIDERS no sign-in providers.
"""
HIGHEST_PORT = 65535
SECOND = "second"
LABELS = {DEVELOPMENT: "Provider One", SECOND: "Provider Two"}


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


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs until Ctrl-C or until a part ends; returns 0 or 1."""
    argparse.ArgumentParser(
        prog="bin/dev",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    settings = with_dotenv({**environ, "APP_ENV": "development"})
    try:
        service = Part.of("the service", "PORT", 3000, settings)
        frontend = Part.of("the sample frontend", "DEV_FRONTEND_PORT", 5173, settings)
        second_api = Part.of("the second API", "DEV_SECOND_API_PORT", 3001, settings)
        providers = {} if _names_provider(settings) else _providers(settings)
        _check_are_free([service, frontend, second_api, *providers.values()])
    except PortError as error:
        print(error, file=sys.stderr)
        return 1
    settings.setdefault("WEBAPP_URL", frontend.url)
    settings.setdefault("API_URL", service.url)
    settings.setdefault("TOKEN_AUDIENCES", f"{settings['API_URL']},{second_api.url}")
    settings |= _provider_settings(providers)
    signal.signal(signal.SIGTERM, _raise_interrupt)
    signal.signal(signal.SIGINT, _raise_interrupt)
    processes = Processes()
    database = None if _names_database(settings) else EmbeddedPostgres(data_folder(settings))
    try:
        if database:
            print("Starting PostgreSQL ...", flush=True)
            database.start()
        _start(processes, settings, frontend=frontend, second_api=second_api, providers=providers)
        with (
            service.listen(settings.get("HOST", "0.0.0.0")) as listener,
            announced(data_folder(settings), load_database_url(settings)),
        ):
            reloading = ReloadingService(processes, settings, listener)
            reloading.start()
            if processes.wait_until(reloading.serves):
                _introduce(settings, database, second_api, providers)
            name, code = processes.wait_for_first_end(reloading.look)
        print(f"{name} ended with exit code {code}; stopping the rest.", file=sys.stderr)
    except EmbeddedPostgresError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.stop()
        if database:
            database.stop()
    return 1


def _check_are_free(parts: Sequence[Part]) -> None:
    sentences = [
        f"Port {part.port} of {part.name} is taken. Stop what uses it, or choose another: "
        f"{part.variable}={part.port + 1} bin/dev"
        for part in parts
        if not part.is_free()
    ]
    if sentences:
        raise PortError("\n".join(sentences))


def _providers(settings: Mapping[str, str]) -> dict[str, Part]:
    """Two, by their names, so that choosing and linking can be seen."""
    return {
        DEVELOPMENT: Part.of("the sign-in provider", "DEV_PROVIDER_PORT", 9400, settings),
        SECOND: Part.of("the second sign-in provider", "DEV_SECOND_PROVIDER_PORT", 9401, settings),
    }


def _provider_settings(providers: Mapping[str, Part]) -> dict[str, str]:
    settings = {"PROVIDERS": ",".join(providers)} if providers else {}
    for name, part in providers.items():
        prefix = prefix_of(name)
        settings[f"{prefix}ISSUER"] = part.url
        settings[f"{prefix}LABEL"] = LABELS[name]
        settings[f"{prefix}GROUPS_CLAIM"] = "groups"
    return settings


def _start(
    processes: Processes,
    settings: Mapping[str, str],
    *,
    frontend: Part,
    second_api: Part,
    providers: Mapping[str, Part],
) -> None:
    def start(part: Part, module: str, **options: str) -> None:
        command = [sys.executable, "-P", "-m", module, "--port", str(part.port)]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        processes.start(part.name, command, settings)

    for name, part in providers.items():
        start(part, "dev.provider", label=LABELS[name])
    api_url, pages = settings["API_URL"].rstrip("/"), settings["WEBAPP_URL"].rstrip("/")
    start(second_api, "dev.second_api", issuer=api_url, audience=second_api.url, frontend=pages)
    start(frontend, "dev.frontend_server", api_url=api_url, second_api_url=second_api.url)


def _introduce(
    settings: Mapping[str, str],
    database: EmbeddedPostgres | None,
    second_api: Part,
    providers: Mapping[str, Part],
) -> None:
    sign_in = ", ".join(part.url for part in providers.values()) or settings.get("PROVIDERS") or "google"
    print(
        "",
        f"  Frontend   {settings['WEBAPP_URL']}   <- open this in a browser",
        f"  Service    {settings['API_URL']}",
        f"  Second API {second_api.url}",
        f"  Sign-in    {sign_in}",
        *([f"  Database   {database.bin / 'psql'} '{database.url()}'"] if database else []),
        "  Ctrl-C stops all of it.",
        "",
        sep="\n",
        flush=True,
    )


def _names_database(settings: Mapping[str, str]) -> bool:
    return bool(settings.get("DATABASE_URL") or settings.get("DB_HOST"))


def _names_provider(settings: Mapping[str, str]) -> bool:
    """Whether people sign in elsewhere; GOOGLE_CLIENT_ID alone means Google, as in production."""
    return bool(settings.get("PROVIDERS") or settings.get("GOOGLE_CLIENT_ID"))


def _raise_interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
