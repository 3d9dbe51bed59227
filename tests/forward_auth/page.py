"""The blocks of docs/forward-auth.md, which are what is tested here."""

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


def on_our_hosts(text: str) -> str:
    return text.replace("example.com", DOMAIN)


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with everything replaced; each key must be in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
