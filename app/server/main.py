"""`bin/start`: checks or applies migrations, then becomes gunicorn.

The first process of a container loses each signal that it has no handler for, but a blocked signal waits. So
SIGTERM is blocked before the slow imports, until `raise_on_sigterm` has set a handler; and again from there
until gunicorn has its own (gunicorn_conf.when_ready).

Imports make many objects and hardly any garbage, so there are no looks for garbage until when_ready.
"""

import gc
import signal

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
gc.disable()

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import NoReturn

from app.commands.database_url import faults_of
from app.commands.frame import run_command
from app.commands.report import LogReport, Report
from app.migrations.command import TERMINATED, check, migrate
from app.settings.config import Config, load_config
from app.settings.environment import migration_variable
from app.settings.places import ROOT
from app.settings.variables import ConfigError
from app.telemetry import logs

LOCK_WAIT = 90.0
"""Seconds. Platforms give a new container about two minutes to become healthy."""

PACKAGES = {
    "SENTRY_DSN": ("sentry_sdk", "sentry"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("opentelemetry.exporter.otlp.proto.http", "otel"),
}
"""Variable → the module it needs, and the extra of setup.cfg that installs it."""

logger = logging.getLogger("app.start")


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Becomes gunicorn; where it cannot, says why and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="bin/start",
        description="Checks or applies migrations, then serves. Reads its settings from the environment.",
        epilog="exit codes before it serves: those of bin/migrate; 78 when a setting is wrong.",
    )
    parser.parse_args(arguments)
    # Faults of the configuration are logged too, so the log must work before the configuration is read.
    default = "console" if environ.get("APP_ENV") == "development" else "json"
    logs.configure("console" if (environ.get("LOG_FORMAT") or default) == "console" else "json", "info")

    def work() -> None:
        prepare(environ)
        _become_gunicorn(environ)

    return run_command(work, problems=LogReport(logger), terminated=TERMINATED)


def prepare(environ: Mapping[str, str], report: Report | None = None) -> Config:
    """Checks the configuration, and brings the database up to date.

    Args:
        environ: the process's.
        report: told what the migrations do; by default the log.

    Raises:
        ConfigError: lists every fault.
        CommandError: with the exit code of what went wrong.
    """
    config = load_config(environ)
    logs.configure(config.log_format, config.log_level)
    _require_packages(config)
    for warning in config.warnings():
        logger.warning(warning)
    variable = migration_variable(environ)
    urls = {"DATABASE_URL": config.database_url, variable: config.migrate_database_url}
    if faults := [f"{name}: {fault}" for name, url in urls.items() for fault in faults_of(url)]:
        raise ConfigError(faults)
    report = report or LogReport(logger, is_for_people=config.log_format == "console")
    if config.migrate_on_start:
        migrate(config.migrate_database_url, report=report, wait=LOCK_WAIT, variable=variable)
    else:
        # The service ran with this database before, so a migration edited since then must not stop it.
        check(config.migrate_database_url, report=report, edits_matter=False, variable=variable)
    return config


def _become_gunicorn(environ: MutableMapping[str, str]) -> NoReturn:
    """Runs gunicorn's master in this process, which has imported most of what it needs."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    # gunicorn reads some variables itself; for it, too, an empty one counts as unset.
    for name in [name for name, value in environ.items() if not value.strip()]:
        del environ[name]
    # gunicorn reads them when it is imported.
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
