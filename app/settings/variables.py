"""An environment as this service reads it: empty means unset, and the original guide's names are known."""

from collections.abc import Mapping

ORIGINAL_NAMES = {"APP_ENV": "NODE_ENV", "API_URL": "VITE_API_URL"}
"""Names of the Node backend's deployment guide; ours wins when both are set."""

VERBATIM = frozenset({"DB_PASSWORD"})
"""Values whose outer blanks count."""


class ConfigError(Exception):
    """The environment is not usable.

    Attributes:
        faults: one sentence a fault, each beginning with the variable's name.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(["The configuration is not valid:", *faults]))
        self.faults = faults


def find(environ: Mapping[str, str], name: str) -> str | None:
    """A variable's value, by either of its names; None when it is unset or empty."""
    for known_as in (name, ORIGINAL_NAMES.get(name, name)):
        value = environ.get(known_as, "")
        if value.strip():
            return value if known_as in VERBATIM else value.strip()
    return None
