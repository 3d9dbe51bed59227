"""docs/architecture.md and the code are the same."""

import configparser
import re
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from tests.middleware.test_shape import falcon_app
from tests.support.pages import Block, Page
from tests.support.service import ROOT

PAGE = Page("architecture.md")
STEP = re.compile(r"\d\. `([\w./]+)`(?: `(\w+)`)?(?: gets `(\w+)`)?.*")


def _ranks() -> dict[str, int]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = contracts["importlinter:contract:rooms"]["layers"].split("\n")
    return {room: rank for rank, line in enumerate(layers) for room in re.findall(r"app\.\w+", line)}


RANKS = _ranks()
"""Room → its place from the top in the order of imports."""


class Step(NamedTuple):
    """A file, what in it the walk passes, and what of the configuration that gets."""

    path: str
    name: str | None
    part: str | None

    @property
    def rank(self) -> int | None:
        return RANKS.get(".".join(self.path.removesuffix(".py").split("/")[:2]))


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


def test_the_page_has_each_room_once_in_the_order_of_imports() -> None:
    table = PAGE.section("Rooms").partition("|---|---|\n")[2].partition("\n\n")[0]
    named = [name.strip("/").removesuffix(".py") for name in re.findall(r"`([\w./]+)`", _first_cells(table))]
    ranks = [RANKS[f"app.{name}"] for name in named]
    assert len(named) == len(RANKS)
    assert ranks == sorted(ranks)


def _first_cells(table: str) -> str:
    return "".join(line.split("|")[1] for line in table.splitlines())


def walks() -> list[list[Step]]:
    lists = re.findall(r"(?:^\d\. .*\n)+", PAGE.section("Three walks"), re.MULTILINE)
    return [[Step(*STEP.fullmatch(line).groups()) for line in text.splitlines()] for text in lists]  # type: ignore[union-attr]  # a step of another form fails here


@pytest.mark.parametrize("walk", walks(), ids=lambda walk: walk[0].path)
def test_each_step_of_a_walk_is_there_and_one_room_further(walk: list[Step]) -> None:
    for step in walk:
        source = (ROOT / step.path).read_text(encoding="utf-8")
        assert not step.name or re.search(rf"\b(def|class) {step.name}\b", source), step
        assert not step.part or re.search(rf"\b{step.part}: ", source), step
    ranks = [rank for step in walk if (rank := step.rank) is not None]
    assert ranks == sorted(ranks)
    for before, after in pairwise(walk):
        assert before.path != after.path
        # Parts of the configuration are all handed over by the first step.
        source = ((ROOT / walk[0].path) if after.part else (ROOT / before.path)).read_text(encoding="utf-8")
        called = after.name or after.path.rpartition("/")[2].removesuffix(".sql")
        module = after.path.removesuffix(".py").replace("/", ".")
        assert f"{called}(" in source or f'"{called}"' in source or module in source, (before, after)


def test_workers_are_replaced_when_the_page_says() -> None:
    # Importing it would read this process's environment.
    source = (ROOT / "app" / "server" / "gunicorn_conf.py").read_text(encoding="utf-8")
    least, jitter = (
        int(value) for value in re.findall(r"^max_requests(?:_jitter)? = ([\d_]+)$", source, re.MULTILINE)
    )
    assert f"{least:,} to {least + jitter:,} requests" in PAGE.text
