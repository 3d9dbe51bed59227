"""The status that an application answered with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


class NotedStatus:
    """A start_response (PEP 3333) that remembers the status it passes on.

    Attributes:
        code: three digits; 500 until the application has answered.
    """

    def __init__(self, start_response: "StartResponse") -> None:
        self._start_response = start_response
        self.code = "500"

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        *exc_info: Any,  # noqa: ANN401  # PEP 3333
    ) -> Callable[[bytes], object]:
        self.code = status[:3]
        return self._start_response(status, headers, *exc_info)
