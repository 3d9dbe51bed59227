"""`bin/dev`: everything a newcomer needs, in one terminal. The script has checked the command line."""

from dev import interrupts

if __name__ == "__main__":
    # The other imports take long enough for a Ctrl-C.
    interrupts.end_at_once("Stopping ...", 0)

import os
import shlex
import sys
from collections.abc import Mapping, Sequence

from app.settings.environment import data_folder, load_database_url, with_dotenv
from app.settings.providers import DEVELOPMENT, prefix_of
from dev.forward_auth import proxy as forward_auth
from dev.parts import SECOND, Part, Parts, PortError
from dev.postgres import EmbeddedPostgres
from dev.postgres_programs import EmbeddedPostgresError
from dev.processes import Processes
from dev.service import ReloadingService, announced

LABELS = {DEVELOPMENT: "Provider One", SECOND: "Provider Two"}


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs until Ctrl-C or until a part ends; returns 0 or 1."""
    has_proxy = "--forward-auth" in arguments
    settings = with_dotenv({**environ, "APP_ENV": "development"})
    try:
        parts = Parts.of(settings, has_proxy=has_proxy)
        if parts.proxy:
            settings = forward_auth.with_shared_session(settings, parts)
    except (PortError, forward_auth.ForwardAuthError) as error:
        print(error, file=sys.stderr)
        return 1
    # One worker: where it answers, nothing is loaded any more that a change could break.
    settings.setdefault("WEB_CONCURRENCY", "1")
    settings.setdefault("WEBAPP_URL", parts.frontend.url)
    settings.setdefault("API_URL", parts.service.url)
    settings.setdefault("TOKEN_AUDIENCES", f"{settings['API_URL']},{parts.second_api.url}")
    settings |= _provider_settings(parts.providers)
    processes = Processes()
    database = None if _names_database(settings) else EmbeddedPostgres(data_folder(settings))
    try:
        interrupts.raise_interrupt()
        if database:
            print("Starting PostgreSQL ...", flush=True)
            database.start()
        else:
            print(_whose_database(settings, environ), flush=True)
        _start(processes, settings, parts)
        with (
            parts.service.listen(settings.get("HOST", "0.0.0.0")) as listener,
            announced(data_folder(settings), load_database_url(settings)),
        ):
            reloading = ReloadingService(processes, settings, listener)
            if not reloading.start():
                print("The service does not start: the error is above.", file=sys.stderr)
                return 1
            if processes.wait_until(reloading.serves):
                _introduce(settings, parts, database)
            name, code = processes.wait_for_first_end(reloading.look)
        print(f"{name} ended with exit code {code}; stopping the rest.", file=sys.stderr)
    except EmbeddedPostgresError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        return 0
    finally:
        interrupts.ignore()
        processes.stop()
        if database:
            database.stop()
    return 1


def _provider_settings(providers: Mapping[str, Part]) -> dict[str, str]:
    settings = {"PROVIDERS": ",".join(providers)} if providers else {}
    for name, part in providers.items():
        prefix = prefix_of(name)
        settings[f"{prefix}ISSUER"] = part.url
        settings[f"{prefix}LABEL"] = LABELS[name]
        settings[f"{prefix}GROUPS_CLAIM"] = "groups"
    return settings


def _start(processes: Processes, settings: Mapping[str, str], parts: Parts) -> None:
    def start(part: Part, module: str, **options: str) -> None:
        command = [sys.executable, "-P", "-m", module, "--port", str(part.port)]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        processes.start(part.name, command, settings)

    for name, part in parts.providers.items():
        start(part, "dev.provider", label=LABELS[name])
    api_url, pages = settings["API_URL"].rstrip("/"), settings["WEBAPP_URL"].rstrip("/")
    second_api = parts.second_api
    keys = f"{parts.service.url}/.well-known/jwks.json"
    start(second_api, "dev.second_api", issuer=api_url, keys=keys, audience=second_api.url, frontend=pages)
    urls = {"api_url": api_url, "second_api_url": second_api.url, "webapp_url": pages}
    start(parts.frontend, "dev.frontend_server", **urls)
    if parts.proxy:
        forward_auth.start(processes, settings, parts.proxy, service_port=parts.service.port)


def _introduce(settings: Mapping[str, str], parts: Parts, database: EmbeddedPostgres | None) -> None:
    urls = [part.url for part in parts.providers.values()]
    sign_in = ", ".join(urls) or settings.get("PROVIDERS") or "google"
    print(
        "",
        f"  Frontend   {settings['WEBAPP_URL']}   <- open this in a browser",
        f"  Service    {settings['API_URL']}",
        f"  Second API {parts.second_api.url}",
        f"  Sign-in    {sign_in}",
        *(forward_auth.introduction(settings, parts.proxy) if parts.proxy else []),
        *([f"  Database   {shlex.join([str(database.bin / 'psql'), database.url()])}"] if database else []),
        "  Ctrl-C stops all of it.",
        "",
        sep="\n",
        flush=True,
    )


def _names_database(settings: Mapping[str, str]) -> bool:
    return bool(settings.get("DATABASE_URL") or settings.get("DB_HOST"))


def _whose_database(settings: Mapping[str, str], environ: Mapping[str, str]) -> str:
    variable = "DATABASE_URL" if settings.get("DATABASE_URL") else "DB_HOST"
    place = "the shell" if environ.get(variable, "").strip() else ".env"
    return f"Using the database of {variable} in {place}. Without it, bin/dev runs its own PostgreSQL."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
