"""Sentences about settings that are valid, but probably a mistake."""

from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import urlsplit

FEWEST_CHARACTERS = 7
"""Different ones in a random secret of 32. Digits have fewer once in a thousand secrets, letters never."""
PLACEHOLDERS = (
    "secret",
    "password",
    "session",
    "change",
    "example",
    "default",
    "replace",
    "qwerty",
    "asdfgh",
)
"""Of a random secret's letters, six hardly ever make a given word."""

UNRULED_DOORS = (
    "COOKIE_DOMAIN is set: /auth/verify refuses requests that do not say who may enter. In the proxy's "
    "configuration, add ?groups=NAME,NAME or ?anyone=1 to its URL (docs/forward-auth.md)."
)


def same_site_doubts(webapp_url: str, api_url: str) -> Iterable[str]:
    """A sentence where browsers would probably not send SameSite=Lax cookies between the two.

    Compares the scheme and the last two labels of the host: there is no public suffix list here.
    """
    webapp, api = urlsplit(webapp_url), urlsplit(api_url)
    sites = {(part.scheme, *(part.hostname or "").split(".")[-2:]) for part in (webapp, api)}
    if len(sites) > 1:
        yield (
            f"API_URL {api_url} and WEBAPP_URL {webapp_url} do not look like the same site: browsers will "
            "not send the session cookie (SameSite=Lax) from one to the other. Serve both under one domain."
        )


def secret_doubts(name: str, secret: str) -> Iterable[str]:
    """A sentence where a secret is visibly not random. The published keys let people try such secrets."""
    if _is_visibly_chosen(secret):
        yield (
            f"{name} does not look random: whoever guesses it can make access tokens in anybody's name, and "
            "their public keys let people try guesses. bin/secret prints one that is random."
        )


def _is_visibly_chosen(secret: str) -> bool:
    """Whether it has few different characters, repeats itself, counts, or has a word of placeholders."""
    length = len(secret)
    repeats = any(secret[period:] == secret[:-period] for period in range(1, length // 2 + 1))
    steps = sum(abs(ord(after) - ord(before)) <= 1 for before, after in pairwise(secret))
    has_word = any(word in secret.lower() for word in PLACEHOLDERS)
    return len(set(secret)) < FEWEST_CHARACTERS or repeats or has_word or 3 * steps > 2 * length
