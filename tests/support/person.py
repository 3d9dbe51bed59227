"""A person with a browser, at a service that really listens."""

from urllib.parse import urlsplit

import requests

from tests.support.described import description
from tests.support.log_watch import WATCH
from tests.support.visitor import authorize


class Person:
    """Goes through the whole of a visit; keeps the statuses of every answer in `statuses`."""

    def __init__(self, url: str, *, webapp: str) -> None:
        self._url = url
        self._browser = requests.Session()
        self._origin = {"Origin": webapp}
        self.statuses: list[int] = []

    def visit(self, *, session_checks: int) -> None:
        """Signs in for the first time, registers, is recognised so many times, and signs out."""
        location = self._get("/auth/login").headers["Location"]
        self._get(authorize(location))
        assert self._session() == (True, False)
        assert self._post("/auth/register").status_code == 201
        for _ in range(session_checks):
            assert self._session() == (True, True)
        assert len(self._get("/auth/sessions").json()["sessions"]) == 1
        assert self._post("/auth/logout").status_code == 204
        assert self._session() == (False, False)

    def close(self) -> None:
        self._browser.close()

    def _session(self) -> tuple[bool, bool]:
        said = self._get("/auth/session").json()
        return said.get("authenticated"), said.get("registered")

    def _get(self, path: str) -> requests.Response:
        return self._kept(self._browser.get(self._url + path, allow_redirects=False, timeout=15))

    def _post(self, path: str) -> requests.Response:
        return self._kept(self._browser.post(self._url + path, headers=self._origin, json={}, timeout=15))

    def _kept(self, answer: requests.Response) -> requests.Response:
        self.statuses.append(answer.status_code)
        for cookie in answer.cookies:
            WATCH.secret("cookie", cookie.value or "")
        path = urlsplit(answer.url).path
        description().check(
            str(answer.request.method), path, answer.status_code, answer.headers, answer.content
        )
        return answer
