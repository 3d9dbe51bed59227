"""Where things are on this machine, and which version this is."""

import configparser
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUERIES_FOLDER = ROOT / "sql" / "queries"
MIGRATIONS_FOLDER = ROOT / "sql" / "migrations"


@cache
def version() -> str:
    """The version's number as setup.cfg has it, such as 1.2.3."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser.get("metadata", "version")
