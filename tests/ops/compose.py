"""ops/compose.yaml and the variables it asks for, as the tests read them."""

import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.support.service import ROOT

OPS = ROOT / "ops"
TEXT = (OPS / "compose.yaml").read_text(encoding="utf-8")
STACK: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
REPLICAS = ("backend-1", "backend-2")


def filled_in(secret: str) -> dict[str, str]:
    """ops/env.example, with the secret for each variable that it leaves empty."""
    lines = (OPS / "env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value or secret for name, _, value in pairs}


def interpolated(text: str, values: dict[str, str]) -> str:
    """The text with each `${NAME:?}` replaced."""
    return re.sub(r"\$\{(\w+):\?\}", lambda match: values[match[1]], text)
