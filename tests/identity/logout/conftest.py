"""Ada, who has an account at a service with two providers, and logouts that fail."""

from collections.abc import Callable
from typing import Any

import pytest
from falcon.testing import Result

from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor


@pytest.fixture
def app(two: dict[str, str], make_app: Callable[..., Any]) -> Any:
    return make_app(**two)


@pytest.fixture
def ada(app: Any, provider: OpenIDProvider) -> Visitor:
    """Whom `oidc` knows as ada."""
    provider.person["sub"] = "ada"
    provider.changes = {"sid": "session-of-ada"}
    visitor = Visitor(app, origin=WEBAPP)
    visitor.register(provider="oidc")
    return visitor


class LogoutRefusal:
    """Looks at a logout that had to fail."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def check(self, answer: Result, cause: str) -> None:
        """The provider got a problem, the log the cause."""
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_logout_token")
        assert answer.headers["cache-control"] == "no-store"
        refused = [record for record in self._caplog.records if record.message == "Logout token refused"]
        assert cause in vars(refused[-1])["cause"]


@pytest.fixture
def refusal(caplog: pytest.LogCaptureFixture) -> LogoutRefusal:
    return LogoutRefusal(caplog)
