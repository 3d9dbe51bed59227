"""The blocks of docs/forward-auth.md, which are what is tested here."""

import re

from tests.support.pages import Block, Page

PAGE = Page("forward-auth.md")
DOMAIN = "example.test"


def only(language: str) -> Block:
    """The page's one block in that language."""
    [block] = PAGE.blocks(language)
    return block


def block(language: str) -> str:
    """Its text, on the tests' own hosts."""
    return on_our_hosts(only(language).text)


def entry_point_option() -> str:
    """The option of Traefik's command line that the page recommends."""
    [option] = re.findall(r"`(--entrypoints\.[^`]+)`", PAGE.text)
    return str(option)


def on_our_hosts(text: str) -> str:
    return text.replace("example.com", DOMAIN)


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with everything replaced; each key must be in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
