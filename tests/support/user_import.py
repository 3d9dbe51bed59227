"""sql/import_users.sql, run by psql."""

import csv
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import Protocol
from uuid import UUID, uuid4

from dev.postgres import EmbeddedPostgres
from tests.support.service import ROOT, clean_environ

HEADER = "user_id,email,name,display_picture,google_subject,created_at\n"
APPLY = ("-v", "apply=1")

_SKIPPED = "row,user_id,email,reason\n"
_COUNTS = "what,rows\n"

Person = tuple[object, ...]


def person(
    email: str | None,
    subject: str | None,
    *,
    user_id: UUID | None = None,
    name: str | None = None,
    picture: str | None = None,
    created_at: str = "2025-01-02 03:04:05.678+00",
) -> Person:
    """A row of the file, with an id of its own unless told another."""
    return user_id or uuid4(), email, name, picture, subject, created_at


def written(people: Iterable[Person]) -> bytes:
    """The file."""
    file = StringIO()
    csv.writer(file, lineterminator="\n").writerows(people)
    return (HEADER + file.getvalue()).encode()


@dataclass
class Outcome:
    """What psql said, with `--csv` among its arguments."""

    code: int
    stdout: str
    stderr: str

    @property
    def skipped(self) -> dict[int, str]:
        """The reason of each row."""
        text = self.stdout.partition(_SKIPPED)[2].partition(_COUNTS)[0]
        return {int(number): reason for number, *_, reason in csv.reader(StringIO(text))}

    @property
    def counts(self) -> dict[str, int]:
        """The report at the end."""
        assert self.code == 0, self.stderr
        *lines, _ = self.stdout.partition(_COUNTS)[2].splitlines()
        return {word: int(count) for word, count in csv.reader(lines)}


class Import(Protocol):
    def __call__(self, source: Iterable[Person] | bytes, *arguments: str) -> Outcome: ...


def command(postgres: EmbeddedPostgres, url: str, *arguments: str) -> list[str]:
    return [str(postgres.bin / "psql"), url, "-X", "-f", str(ROOT / "sql" / "import_users.sql"), *arguments]


def import_users(
    postgres: EmbeddedPostgres, url: str, source: Iterable[Person] | bytes, *arguments: str
) -> Outcome:
    """Runs the script from a folder that is not ours, in a locale without UTF-8."""
    done = subprocess.run(
        command(postgres, url, *arguments),
        env=clean_environ({"LC_ALL": "C"}),
        input=source if isinstance(source, bytes) else written(source),
        capture_output=True,
        cwd="/",
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
