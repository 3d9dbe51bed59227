"""The page /docs: a few lines of ours around Swagger UI, which comes from a package."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

FOLDER = Path(__file__).parent
SWAGGER_UI = "offapi"
"""The package. Importing it would read 9 MB into memory, so only its files are used."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page loads."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Page:
    """What is served under /docs.

    Attributes:
        html: the page itself.
        version: part of the assets' addresses; changes whenever an asset does.
        assets: all there are, by name.
    """

    html: bytes
    version: str
    assets: Mapping[str, Asset]


@cache
def load_page() -> Page:
    """Reads the page and its assets: 1.8 MB, once a process."""
    package = distribution(SWAGGER_UI)
    script, style = (
        Path(str(package.locate_file(f"{SWAGGER_UI}/{name}"))).read_bytes()
        for name in ("swagger_bundle.js", "swagger_style.css")
    )
    assets = {
        "page.css": Asset((FOLDER / "page.css").read_bytes(), "text/css"),
        "page.js": Asset((FOLDER / "page.js").read_bytes(), "text/javascript"),
        "swagger-ui-bundle.js": Asset(script, "text/javascript"),
        "swagger-ui.css": Asset(style, "text/css"),
    }
    version = hashlib.sha256(b"".join(asset.content for asset in assets.values())).hexdigest()[:12]
    html = (FOLDER / "page.html").read_text(encoding="utf-8").replace("VERSION", version)
    return Page(html.encode(), version, assets)
