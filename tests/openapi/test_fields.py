"""What the description says of a field is what the service accepts, to the character."""

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import InvalidFieldError
from app.web.json_body import days_field, name_field, picture_field
from tests.support.described import document

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
NAME = jsonschema_rs.Draft202012Validator(SCHEMAS["Name"])
PICTURE = jsonschema_rs.Draft202012Validator(SCHEMAS["Picture"])
DAYS = jsonschema_rs.Draft202012Validator(SCHEMAS["TokenRequest"]["properties"]["expires_in_days"])

SPACES = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u200b\u2028\u2029\u202f\u205f\u3000"
names = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from(SPACES + "a\x00\x7f\x9f")), max_size=6
)
pictures = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["https://", "HTTPS://", "http://", "https:/", "a", "example.com", "é", *':/?#[]@!%\\"<> \t~']
        ),
        max_size=7,
    ),
)


def accepts(field: Callable[[dict[str, Any]], object], name: str, value: object) -> bool:
    try:
        field({name: value})
    except InvalidFieldError:
        return False
    return True


@given(names)
@settings(max_examples=500, deadline=None)
@example("x" * 200)
@example("x" * 201)
@example(" " + "x" * 200)
@example(" " * 200)
@example("🦊" * 200)
def test_a_name_matches_the_description_when_the_service_accepts_it(name: str) -> None:
    assert NAME.is_valid(name) == accepts(name_field, "name", name)


@given(pictures | pictures.map("https://{}".format))
@settings(max_examples=1000, deadline=None)
@example("https://e/" + "x" * 1990)
@example("https://e/" + "x" * 1991)
@example("https://[::1]/x")
@example("https://e/?a[]=1")
@example(" https://e/")
def test_a_picture_matches_the_description_when_the_service_accepts_it(picture: str) -> None:
    assert PICTURE.is_valid(picture) == accepts(picture_field, "picture", picture)


@pytest.mark.parametrize("days", [None, 1, 3650, 30.0, 0, 3651, -1, 1.5, True, "30", [], float("1e300")])
def test_days_match_the_description_when_the_service_accepts_them(days: object) -> None:
    accepted = accepts(lambda body: days_field(body, "expires_in_days"), "expires_in_days", days)
    assert DAYS.is_valid(days) == accepted
