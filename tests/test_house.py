"""The house keeps its own rules."""

import re
import subprocess

from tests.support.service import ROOT

MAX_LINES = 300
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
        "app/__main__.py",
        "app/gunicorn_conf.py",
        "app/healthcheck.py",
        "app/migrations/command.py",
        "app/wsgi.py",
    }


def test_each_query_file_holds_one_statement_and_has_its_method() -> None:
    methods = re.findall(r"def ([a-z_]+)\(\s*self", (ROOT / "app" / "queries.py").read_text())
    files = {path.stem for path in (ROOT / "sql" / "queries").glob("*.sql")}
    assert files == {method for method in methods if method != "__init__"}
    for path in (ROOT / "sql" / "queries").glob("*.sql"):
        assert ";" not in re.sub(r"--.*", "", path.read_text()), path
