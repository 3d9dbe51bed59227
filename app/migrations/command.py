"""`bin/migrate`: the migration runner on this service's database and files."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from app.commands.beside_dev import with_running_dev
from app.commands.frame import run_command, use_utf8
from app.commands.report import JSONReport, Report, TextReport
from app.migrations import actions, amend
from app.migrations.arguments import make_parser
from app.migrations.new import new
from app.migrations.target import Target
from app.settings.environment import load_migration_database_url, migration_variable
from app.settings.places import MIGRATIONS_FOLDER, version

TERMINATED = "Terminated. What ran in a transaction was rolled back; bin/migrate goes on from there."


def migrate(url: str, *, report: Report, wait: float, variable: str = "DATABASE_URL") -> None:
    """Applies what is pending; `variable` has the URL.

    Raises:
        CommandError: with the exit code of what went wrong.
    """
    actions.up(_target(url, report, wait=wait, variable=variable))


def check(url: str, *, report: Report, edits_matter: bool = True, variable: str = "DATABASE_URL") -> None:
    """Says whether the database is up to date.

    Args:
        url: libpq's.
        report: told what it finds.
        edits_matter: False makes an edited file a warning, as long as nothing is pending.
        variable: has the URL.

    Raises:
        CommandError: PENDING, naming the files, or what else is wrong.
    """
    actions.check(_target(url, report, wait=0.0, variable=variable), edits_matter=edits_matter)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    options = make_parser().parse_args(arguments)
    report: Report = JSONReport(sys.stdout) if options.json else TextReport(sys.stdout)
    problems: Report = report if options.json else TextReport(sys.stderr)
    return run_command(partial(_run, options, environ, report), problems=problems, terminated=TERMINATED)


def _run(options: argparse.Namespace, environ: Mapping[str, str], report: Report) -> None:
    folder = Path(options.folder)
    if options.command == "new":
        new(folder, options.name, report=report)
        return
    if options.command == "lint":
        # lint and dump are for development, and the image never needs them.
        from app.migrations.lint import lint  # noqa: PLC0415

        lint(folder, report=report)
        return
    environ = with_running_dev(environ, report)
    url = load_migration_database_url(environ)
    variable = migration_variable(environ)
    if options.command == "dump":
        from app.migrations.dump import dump  # noqa: PLC0415

        dump(url, report=report, variable=variable)
        return
    commands: dict[str, Callable[[Target], None]] = {
        "up": actions.up,
        "status": actions.status,
        "check": actions.check,
        "plan": actions.plan,
        "baseline": lambda target: amend.baseline(target, options.version),
        "resolve": lambda target: amend.resolve(target, options.name, options.outcome),
        "accept": lambda target: amend.accept(target, options.name, options.reason),
    }
    target = _target(url, report, wait=options.wait, variable=variable, folder=folder)
    commands[options.command](target)


def _target(
    url: str, report: Report, *, wait: float, variable: str, folder: Path = MIGRATIONS_FOLDER
) -> Target:
    applied_by = f"connected-backend {version()}"
    return Target(url=url, variable=variable, folder=folder, applied_by=applied_by, report=report, wait=wait)


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:], os.environ))
