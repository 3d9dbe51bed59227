"""What is tried, in order: migrations, files beside the code, queries, and the service itself."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.commands.errors import CommandError, Exit
from app.commands.frame import run_command
from app.commands.report import TextReport
from app.migrations.command import TERMINATED, check
from app.server.main import prepare
from app.settings.environment import load_database_url, load_migration_database_url, migration_variable
from app.settings.places import QUERIES_FOLDER, ROOT
from app.wsgi import get_app
from dev.trial.queries import query_faults

FOLDERS = (ROOT / "app", QUERIES_FOLDER)
SUFFIXES = {".css", ".html", ".js", ".json", ".sql"}
GUNICORN_IMPORTS = ("app.server.gunicorn_conf", "app.server.worker")
REPEATED = {"checking", "migration", "completed"}
"""Events of a migration that the others tell, too."""


class ShortReport(TextReport):
    """Says each thing once."""

    def say(self, event: str, /, *sentences: str, **options: Any) -> None:  # noqa: ANN401  # TextReport's
        if event not in REPEATED:
            super().say(event, *sentences, **options)


def run(environ: Mapping[str, str], *, is_first: bool) -> int:
    """Tries everything; returns the exit code.

    Args:
        environ: the service's.
        is_first: whether migrations are applied before.
    """

    def work() -> None:
        if is_first:
            prepare(environ, ShortReport(sys.stdout))
        if faults := [*file_faults()] or [*query_faults(load_database_url(environ))]:
            raise CommandError(Exit.INVALID, *faults)
        for module in GUNICORN_IMPORTS:
            importlib.import_module(module)
        get_app().close()

    return _run(work)


def check_migrations(environ: Mapping[str, str]) -> int:
    """Says what `bin/migrate` would do; returns the exit code."""

    def work() -> None:
        url, variable = load_migration_database_url(environ), migration_variable(environ)
        check(url, report=ShortReport(sys.stdout), variable=variable)

    return _run(work)


def file_faults() -> Iterator[str]:
    """A sentence for each file that cannot be read; Python's own error would not name it."""
    for path in sorted(path for folder in FOLDERS for path in folder.rglob("*")):
        if path.suffix in SUFFIXES and not path.name.startswith("."):
            try:
                text = path.read_text(encoding="utf-8")
                if path.suffix == ".json":
                    json.loads(text)
            except ValueError as error:
                yield f"{path.relative_to(ROOT)}: {error}"


def _run(work: Callable[[], None]) -> int:
    return run_command(work, problems=TextReport(sys.stderr), terminated=TERMINATED)
