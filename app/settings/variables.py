"""How this service reads an environment: empty means unset, and the Node backend's names are known."""

from collections.abc import Mapping, Sequence

ORIGINAL_NAMES = {"APP_ENV": "NODE_ENV", "API_URL": "VITE_API_URL"}
"""Our name → the name in the Node backend's deployment guide; ours wins where both are set."""

VERBATIM = frozenset({"DB_PASSWORD"})
"""Variables whose leading and trailing blanks belong to the value."""


class ConfigError(Exception):
    """The environment is not usable.

    Attributes:
        faults: one sentence a fault, sorted; each begins with the variable's name.
        sentences: what to print, a line each.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = sorted(faults)
        self.sentences = ("The configuration is not valid:", *self.faults)
        super().__init__("\n".join(self.sentences))


def find(environ: Mapping[str, str], name: str) -> str | None:
    """A variable's value, under our name or the original one; None where both are unset or empty."""
    for known_as in (name, ORIGINAL_NAMES.get(name, name)):
        value = environ.get(known_as, "")
        if value.strip():
            return value if known_as in VERBATIM else value.strip()
    return None
