"""docs/architecture.md and the code are the same."""

import configparser
import re
from itertools import pairwise
from typing import Any

import pytest

from tests.middleware.test_shape import falcon_app
from tests.support.pages import Block, Page
from tests.support.service import ROOT

PAGE = Page("architecture.md")


def layers(app: Any) -> list[str]:
    """Class names of all that a request passes, the outermost first."""
    inside = falcon_app(app)
    around = []
    while app is not inside:
        around.append(type(app).__name__)
        app = app._app  # noqa: SLF001  # nobody else has a reason to look inside
    return around + [type(layer).__name__ for layer in inside._unprepared_middleware]  # noqa: SLF001


def test_the_page_lists_the_layers_in_their_order(app: Any) -> None:
    assert re.findall(r"^\| `(\w+Middleware)` \|", PAGE.text, re.MULTILINE) == layers(app)


@pytest.mark.parametrize("diagram", PAGE.blocks("mermaid"), ids=str)
def test_the_diagram_leads_through_the_layers_in_their_order(diagram: Block, app: Any) -> None:
    arrows = set(re.findall(r"(\w+Middleware) --> (\w+Middleware)", diagram.text))
    assert arrows == set(pairwise(layers(app)))


def test_the_page_lists_the_walls_that_lint_holds() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg", encoding="utf-8")
    names = [contracts[section]["name"] for section in contracts if section.startswith("importlinter:")]
    walls = PAGE.text.partition("## Walls")[2]
    assert re.findall(r"^- (.*)$", walls, re.MULTILINE) == names


def test_every_package_has_its_place_on_the_page_and_what_is_named_is_there() -> None:
    table = PAGE.text.partition("| in `app/` | is |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = re.findall(r"`([\w./]+)`", "".join(cells))
    packages = {f"{path.parent.name}/" for path in (ROOT / "app").glob("*/__init__.py")}
    assert packages <= set(named)
    assert [name for name in named if not (ROOT / "app" / name).exists()] == []


def test_workers_are_replaced_when_the_page_says() -> None:
    # Importing it would read this process's environment.
    source = (ROOT / "app" / "gunicorn_conf.py").read_text(encoding="utf-8")
    least, jitter = (
        int(value) for value in re.findall(r"^max_requests(?:_jitter)? = ([\d_]+)$", source, re.MULTILINE)
    )
    assert f"{least:,} to {least + jitter:,} requests" in PAGE.text
