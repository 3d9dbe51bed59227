"""Whether somebody opens a page, or only something on one is loaded (Fetch Metadata Request Headers)."""

from collections.abc import Mapping
from typing import Any


def is_navigation(environ: Mapping[str, Any]) -> bool:
    """Whether a request opens a page at the top of a tab, as far as its browser says.

    Images, frames, calls of scripts and prefetches do not, so that other pages can cause none. HEAD shows
    nothing. A browser that sends no Fetch Metadata, as over plain HTTP, is believed.
    """
    if environ["REQUEST_METHOD"] == "HEAD" or "prefetch" in environ.get("HTTP_SEC_PURPOSE", "").lower():
        return False
    destination: str = environ.get("HTTP_SEC_FETCH_DEST", "document")
    return destination.strip(" \t").lower() == "document"
