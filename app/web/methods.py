from typing import Any, Protocol

import falcon


class _AnswersGet(Protocol):
    def on_get(self, req: falcon.Request, resp: falcon.Response, **params: Any) -> None: ...  # noqa: ANN401


class HeadMixin:
    """HEAD is GET without the body, which Falcon leaves out by itself (RFC 9110, section 9.3.2)."""

    def on_head(self: _AnswersGet, req: falcon.Request, resp: falcon.Response, **params: Any) -> None:  # noqa: ANN401
        self.on_get(req, resp, **params)
