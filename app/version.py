"""This version's number, as setup.cfg has it."""

import configparser
from pathlib import Path

SETUP_CFG = Path(__file__).parent.parent / "setup.cfg"


def version() -> str:
    """Such as 1.2.3."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(SETUP_CFG, encoding="utf-8")
    return parser.get("metadata", "version")
