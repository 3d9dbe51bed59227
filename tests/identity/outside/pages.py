"""A person at the pages of somebody else's provider: reads forms, fills them in, follows redirects."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from falcon.testing import Result

from tests.support.log_watch import WATCH
from tests.support.visitor import Visitor


@dataclass
class Form:
    """The first form of a page: where it goes, and its fields with what they hold."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class _PageReader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.form = Form()
        self.way_out = ""
        self._has_begun = self._is_over = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").endswith("/abort"):
            self.way_out = given["href"]
        elif tag == "form" and not self._has_begun:
            self._has_begun = True
            self.form.action = given.get("action", "")
        elif tag in {"input", "button"} and given.get("name") and self._is_part_of_form(given):
            # Of several buttons the first is the one that agrees.
            self.form.fields.setdefault(given["name"], given.get("value", ""))

    def _is_part_of_form(self, attributes: dict[str, str]) -> bool:
        """Within the first form, or outside with its name."""
        return self._has_begun and (not self._is_over or "form" in attributes)

    def handle_endtag(self, tag: str) -> None:
        self._is_over = self._is_over or tag == "form"


class PersonAtProvider:
    """Has the provider's cookies, and so may stay signed in there.

    Args:
        name: what is typed where a page asks who it is.
        denies: takes the way out of the first page that has one.

    Attributes:
        forms_seen: the fields of every form that was filled in.
        site: the provider's, once somebody was there.
    """

    def __init__(self, name: str = "ada", *, denies: bool = False) -> None:
        self.name = name
        self._denies = denies
        self.forms_seen: list[list[str]] = []
        self.site = ""
        self._browser = requests.Session()

    def go_through(self, url: str) -> str:
        """Agrees to all that is asked, from a URL of the provider until it sends the browser elsewhere.

        Returns:
            Where it sends it: a whole URL.
        """
        site = urlsplit(url).netloc
        self.site = f"{urlsplit(url).scheme}://{site}"
        answer = self._browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(20):
            if answer.is_redirect:
                location = urljoin(answer.url, answer.headers["Location"])
                if urlsplit(location).netloc != site:
                    _watch(location)
                    return location
                answer = self._browser.get(location, allow_redirects=False, timeout=10)
            else:
                assert answer.status_code == requests.codes.ok, answer.text
                answer = self._fill_in(answer)
        raise AssertionError(f"the provider never sent the browser on from {url}")

    def sign_in(self, visitor: Visitor, login: str = "/auth/login") -> Result:
        """From the service's login through the provider's pages to the answer of the callback."""
        answer = visitor.get(login)
        assert answer.status_code == requests.codes.found, answer.text
        return visitor.get(path_of(self.go_through(answer.headers["location"])))

    def close(self) -> None:
        self._browser.close()

    def _fill_in(self, page: requests.Response) -> requests.Response:
        read = _PageReader(page.text)
        if self._denies and read.way_out:
            return self._browser.get(urljoin(page.url, read.way_out), allow_redirects=False, timeout=10)
        fields = read.form.fields
        assert fields, page.text
        self.forms_seen.append(list(fields))
        typed = {"login": self.name, "password": "anything", "sub": f"{self.name}@example.com"}
        fields |= {name: text for name, text in typed.items() if name in fields}
        return self._browser.post(
            urljoin(page.url, read.form.action), data=fields, allow_redirects=False, timeout=10
        )


def path_of(url: str) -> str:
    """The path and query, as a visitor of the service calls it."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _watch(location: str) -> None:
    for name in ("code", "state"):
        WATCH.secret(name, parse_qs(urlsplit(location).query).get(name, [""])[0])
