"""The blocks of docs/forward-auth.md, which are what is tested here."""

import re

from tests.support.service import ROOT

PAGE = (ROOT / "docs" / "forward-auth.md").read_text(encoding="utf-8")
DOMAIN = "example.test"


def block(language: str) -> str:
    """The page's one block in that language, on the tests' own hosts."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text).replace("example.com", DOMAIN)


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with everything replaced; each key must be in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
