"""`bin/migrate lint`: squawk looks for statements that lock big tables or break the previous version.

It checks every file, applied or not, so it needs no database.
"""

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.commands.errors import CommandError, Exit
from app.commands.report import Report
from app.migrations.script.files import load_migrations
from app.settings.places import ROOT

RULES = ROOT / ".squawk.toml"


def lint(folder: Path, *, report: Report) -> None:
    """Checks the files of a folder against `.squawk.toml`.

    Raises:
        CommandError: INVALID with file, line and rule of each finding; UNAVAILABLE without squawk.
    """
    migrations = load_migrations(folder)
    if findings := _run(_find_squawk(), folder, [migration.file for migration in migrations]):
        raise CommandError(
            Exit.INVALID,
            *(_sentence(finding) for finding in findings),
            f"{len(findings)} finding(s). If one is meant, write above the statement: -- squawk-ignore RULE",
            findings=[_fields(finding) for finding in findings],
        )
    report.say("linted", f"✅ {len(migrations)} migration(s), nothing to say.")


def _find_squawk() -> str:
    # bin/python runs the virtual environment's Python without putting its bin folder into PATH.
    program = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if program is None:
        raise CommandError(
            Exit.UNAVAILABLE,
            "squawk is not installed: it is a development tool and not in the image.",
            "Run bin/setup where the code is worked on, or: pip install squawk-cli",
        )
    return program


def _run(squawk: str, folder: Path, files: Sequence[str]) -> list[dict[str, Any]]:
    if not files:
        return []
    command = [squawk, f"--config={RULES}", "--reporter=json", *files]
    # squawk reads brackets in a path as a pattern, so it gets bare names from inside the folder.
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(outcome.stdout)
    except ValueError as error:
        raise CommandError(
            Exit.UNAVAILABLE, f"squawk ended with {outcome.returncode}: {outcome.stderr.strip()}"
        ) from error
    # squawk reports each word of a line that is not SQL; one finding a line and rule is enough.
    by_place = {(finding["file"], finding["line"], finding["rule_name"]): finding for finding in found}
    return list(by_place.values())


def _sentence(finding: dict[str, Any]) -> str:
    fields = _fields(finding)
    advice = f" {finding['help'].rstrip('.')}." if finding["help"] else ""
    return f"{fields['file']}:{fields['line']}: {finding['message']}{advice} ({fields['rule']})"


def _fields(finding: dict[str, Any]) -> dict[str, object]:
    # squawk counts lines from 0.
    return {
        "file": finding["file"],
        "line": finding["line"] + 1,
        "rule": finding["rule_name"],
    }
