"""`bin/start`: what the container runs. Checks or applies migrations, then becomes gunicorn."""

import argparse
import importlib.util
import logging
import signal
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import NoReturn

from app.commands.connect import check_url
from app.commands.errors import Exit, MigrationError, TerminatedError
from app.commands.report import LogReport
from app.commands.signals import raise_on_sigterm
from app.migrations.command import TERMINATED, check, migrate
from app.settings.config import Config
from app.settings.load import load_config
from app.settings.places import ROOT
from app.settings.variables import ConfigError
from app.telemetry import logs

LOCK_WAIT = 90.0
"""Seconds; with a database that answers, inside the health grace of a deployment."""

PACKAGES = {
    "SENTRY_DSN": ("sentry_sdk", "sentry"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("opentelemetry.exporter.otlp.proto.http", "otel"),
}
"""What a variable needs: the module, and the extra in setup.cfg that brings it."""

logger = logging.getLogger("app.server.start")


def prepare(environ: Mapping[str, str]) -> Config:
    """Checks the configuration and brings the database up to date.

    Raises:
        ConfigError: with every fault there is.
        MigrationError: with the exit code of what went wrong.
    """
    config = load_config(environ)
    logs.configure(config.log_format, config.log_level)
    _require_packages(config)
    for warning in config.warnings():
        logger.warning(warning)
    for variable, url in (
        ("DATABASE_URL", config.database_url),
        ("MIGRATE_DATABASE_URL", config.migrate_database_url),
    ):
        check_url(url, variable)
    if config.migrate_on_start:
        migrate(config.migrate_database_url, report=LogReport(logger), wait=LOCK_WAIT)
    else:
        # A file that was edited after it was applied must not keep a service down that ran with it before.
        check(config.migrate_database_url, report=LogReport(logger), edits_matter=False)
    return config


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Becomes gunicorn, or returns the exit code of why not."""
    parser = argparse.ArgumentParser(
        prog="bin/start",
        description="Checks or applies migrations, then serves. Reads its settings from the environment.",
        epilog="exit codes before it serves: those of bin/migrate; 78 when a setting is wrong.",
    )
    parser.parse_args(arguments)
    # Until the configuration says otherwise; a fault must be readable where it will be looked for.
    logs.configure("console" if environ.get("LOG_FORMAT") == "console" else "json", "info")
    try:
        # A SIGTERM that came before is raised right here.
        raise_on_sigterm()
        prepare(environ)
        return _become_gunicorn(environ)
    except ConfigError as error:
        LogReport(logger).say("error", *str(error).splitlines(), level=logging.ERROR)
        return Exit.CONFIGURATION
    except MigrationError as error:
        LogReport(logger).say("error", *error.sentences, level=logging.ERROR, fields=error.fields)
        return error.exit_code
    except TerminatedError:
        logger.warning(TERMINATED)
        return Exit.TERMINATED


def _become_gunicorn(environ: MutableMapping[str, str]) -> NoReturn:
    """Goes on as gunicorn's master, in this process: what it has imported need not be imported again."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    # Empty counts as unset, also for the variables that gunicorn reads by itself.
    for name in [name for name, value in environ.items() if not value.strip()]:
        del environ[name]
    # Imported here, for it looks at some of them when it is.
    from gunicorn.app import wsgiapp as gunicorn  # noqa: PLC0415

    sys.argv = [
        "gunicorn",
        "--config",
        str(ROOT / "app" / "server" / "gunicorn_conf.py"),
        "app.wsgi:get_app()",
    ]
    gunicorn.run()
    raise AssertionError("gunicorn ends with an exit code")


def _require_packages(config: Config) -> None:
    values = {"SENTRY_DSN": config.sentry_dsn, "OTEL_EXPORTER_OTLP_ENDPOINT": config.otel_endpoint}
    faults = [
        f"{name}: needs a package that is not installed here; the image has it, elsewhere: "
        f".venv/bin/pip install '.[{extra}]'. Or leave {name} empty"
        for name, (module, extra) in PACKAGES.items()
        if values[name] and not _is_installed(module)
    ]
    if faults:
        raise ConfigError(faults)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
