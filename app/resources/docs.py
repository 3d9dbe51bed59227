import json
from collections.abc import Mapping
from typing import Any

import falcon

from app.openapi.page import Page
from app.web.paths import HeadMixin

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Swagger UI needs its own files, this API, and the data URLs of the icons in its style sheet."""


class DescriptionResource(HeadMixin):
    """`/openapi.json`: what every route takes and answers."""

    def __init__(self, *, document: Mapping[str, Any]) -> None:
        self._body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._body


class DocsResource(HeadMixin):
    """`/docs`: the same, as a page."""

    def __init__(self, *, page: Page) -> None:
        self._html = page.html

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        resp.data = self._html


class DocsAssetResource(HeadMixin):
    """`/docs/{version}/{asset}`: a file of the page. Its address changes with the version."""

    def __init__(self, *, page: Page) -> None:
        self._page = page

    def on_get(self, _req: falcon.Request, resp: falcon.Response, version: str, asset: str) -> None:
        file = self._page.assets.get(asset)
        if file is None or version != self._page.version:
            raise falcon.HTTPNotFound
        resp.content_type = f"{file.content_type}; charset=utf-8"
        resp.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        resp.set_header("Cache-Control", "public, max-age=31536000, immutable")
        resp.data = file.content
