"""The page at /docs and its files."""

import re

import pytest

from app.openapi.page import load_page
from tests.support.visitor import Visitor

ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}


def test_the_page_loads_files_of_its_own_alone(visitor: Visitor) -> None:
    page = visitor.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    loaded = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert {address.rpartition("/")[2] for address in loaded} == set(ASSETS)
    for address in loaded:
        assert visitor.get(f"/{address}").status_code == 200
    assert "://" not in page.text


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_a_file_may_be_kept_as_long_as_its_address_has_its_version(visitor: Visitor, name: str) -> None:
    path = f"/docs/{load_page().version}/{name}"
    answer, head = visitor.get(path), visitor.request("HEAD", path)
    assert answer.headers["content-type"] == f"{ASSETS[name]}; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (head.content, head.headers["content-length"]) == (b"", answer.headers["content-length"])


def test_no_script_or_style_can_come_from_within_the_page_or_elsewhere(visitor: Visitor) -> None:
    for path in ("/docs", f"/docs/{load_page().version}/page.js"):
        policy = visitor.get(path).headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert "unsafe" not in policy
        assert rules["default-src"] == "'none'"
        assert {source for rule in rules.values() for source in rule.split()} == {"'none'", "'self'", "data:"}
        assert [name for name, sources in rules.items() if "data:" in sources] == ["img-src"]
    assert visitor.get("/openapi.json").headers["content-security-policy"].startswith("default-src 'none';")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/docs/VERSION",
        "/docs/VERSION/",
        "/docs/VERSION/page.py",
        "/docs/VERSION/description.json",
        "/docs/VERSION/../page.js",
        "/docs/VERSION/%2e%2e%2fpage.py",
        "/docs/VERSION/..%2f..%2fsetup.cfg",
        "/docs/VERSION/%00",
        "/docs/old/page.js",
        "/docs/../setup.cfg",
    ],
)
def test_there_is_nothing_beside_the_files_of_the_page(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path.replace("VERSION", load_page().version))
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.headers["cache-control"] == "no-store"
