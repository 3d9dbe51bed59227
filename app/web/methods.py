"""HTTP methods (RFC 9110, section 9)."""

from typing import Any, Protocol

import falcon

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing here (RFC 9110, section 9.2.1). TRACE, the fourth one, is not answered."""


class _AnswersGet(Protocol):
    def on_get(self, req: falcon.Request, resp: falcon.Response, **params: Any) -> None: ...  # noqa: ANN401


class HeadMixin:
    """Answers HEAD as GET. Falcon leaves the body out (RFC 9110, section 9.3.2)."""

    def on_head(self: _AnswersGet, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:  # noqa: ANN401
        self.on_get(req, resp, **params)
