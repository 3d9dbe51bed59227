"""The house keeps its own rules."""

import re
import subprocess
from collections import Counter
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.service import ROOT

MAX_LINES = 300
QUERIES = {
    "sql/queries": "app/database/queries.py",
    "sql/queries/identities": "app/database/identity_queries.py",
    "sql/queries/housekeeping": "app/housekeeping/queries.py",
}
"""Where the methods of each folder's files are."""
# Written apart, so that this file keeps the rule it checks.
INDEX_HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org")


def tracked(pattern: str) -> list[str]:
    listed = subprocess.check_output(["git", "ls-files", "--", pattern], cwd=ROOT, text=True)
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


def test_no_python_file_is_too_long_to_read() -> None:
    for name in tracked("*.py"):
        assert (ROOT / name).read_text(encoding="utf-8").count("\n") <= MAX_LINES, name


def test_no_file_names_a_package_index() -> None:
    for name in tracked("*"):
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        assert not [host for host in INDEX_HOSTS if host in text], name


def test_os_environ_is_read_in_mains_alone() -> None:
    readers = {name for name in tracked("app/*.py") if re.search(r"os\.environ", (ROOT / name).read_text())}
    assert readers == {
        "app/server/main.py",
        "app/server/gunicorn_conf.py",
        "app/housekeeping/sessions.py",
        "app/housekeeping/users.py",
        "app/migrations/command.py",
        "app/wsgi.py",
    }


@pytest.mark.parametrize("folder", QUERIES)
def test_each_query_file_has_its_method(folder: str) -> None:
    methods = re.findall(r"def ([a-z][a-z_]*)\(\s*self", (ROOT / QUERIES[folder]).read_text())
    assert {path.stem for path in (ROOT / folder).glob("*.sql")} == set(methods)


def test_each_query_file_holds_one_statement_in_a_folder_with_methods() -> None:
    for path in (ROOT / "sql" / "queries").rglob("*.sql"):
        assert str(path.parent.relative_to(ROOT)) in QUERIES, path
        assert ";" not in re.sub(r"--.*", "", path.read_text()), path


def test_rooms_stay_small_and_each_has_its_place_in_the_order_of_imports() -> None:
    rooms = Counter(
        str(Path(name).parent) for name in tracked("app/*.py") if not name.endswith("__init__.py")
    )
    assert rooms.pop("app") <= 4
    assert max(rooms.values()) <= 14, rooms.most_common(1)
    contracts = ConfigParser()
    contracts.read(ROOT / "setup.cfg", encoding="utf-8")
    ordered = set(re.findall(r"app\.\w+", contracts["importlinter:contract:rooms"]["layers"]))
    modules = {
        f"app.{path.stem}" for path in (ROOT / "app").iterdir() if path.suffix == ".py" or path.is_dir()
    }
    assert modules - {"app.__init__", "app.__pycache__"} == ordered
