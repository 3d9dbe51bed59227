"""The settings of tokens for other services."""

import pytest

from app.settings.config import Config
from tests.settings.test_config import COMPLETE, faults


@pytest.mark.parametrize("variable", ["API_URL", "VITE_API_URL"])
def test_the_api_has_no_path_as_tokens_name_its_origin(variable: str) -> None:
    environ = {**COMPLETE, "API_URL": "", variable: "https://api.example.com/v1"}
    assert faults(environ) == [f"{variable}: must have no path, such as https://api.example.com"]


def test_tokens_are_for_the_api_itself_or_those_listed_in_their_order() -> None:
    config = Config.from_environ(COMPLETE)
    assert (config.token_audiences, config.token_lifetime) == (("https://api.example.com",), 300)
    listed = Config.from_environ({**COMPLETE, "TOKEN_AUDIENCES": "b, https://a.example.com/x,b,urn:c"})
    assert listed.token_audiences == ("b", "https://a.example.com/x", "urn:c")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOKEN_AUDIENCES", "re ports"),
        ("TOKEN_AUDIENCES", "reports,é"),
        ("TOKEN_AUDIENCES", ":a"),
        ("TOKEN_AUDIENCES", ","),
        ("TOKEN_LIFETIME", "59"),
        ("TOKEN_LIFETIME", "3601"),
        ("TOKEN_LIFETIME", "5m"),
    ],
)
def test_what_no_token_can_have_is_refused(variable: str, value: str) -> None:
    [fault] = faults({**COMPLETE, variable: value})
    assert fault.startswith(f"{variable}: ")
