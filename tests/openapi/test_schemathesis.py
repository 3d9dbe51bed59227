"""Schemathesis asks the running service whatever the description allows and forbids."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.provider import OpenIDProvider, client_at
from tests.support.service import ROOT, UNLIMITED, Service

SEED = "20251103"
EXAMPLES = "20"
NEVER_DONE = {
    # No navigation.
    ("HEAD", "/auth/login"),
    # Takes a provider's signature, or more than one identity.
    ("POST", "/auth/backchannel-logout/{provider}"),
    ("DELETE", "/auth/identities/{identity_id}"),
}
"""Operations that are refused, whatever is made up. They have tests of their own."""


def run(service: Service, asks_as: str, database_url: str) -> subprocess.CompletedProcess[str]:
    """Every phase with every check."""
    return subprocess.run(
        [
            *(sys.executable, "-P", "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"),
            *("--url", service.url, "--checks", "all", "--seed", SEED, "--max-examples", EXAMPLES),
            *("--generation-database", "none", "--no-color"),
            *("--exclude-operation-id", "headBeginSignIn"),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.openapi.callers",
            "ASKS_AS": asks_as,
            "DATABASE_URL": database_url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd="/",
    )


def expected(document: dict[str, Any], asks_as: str) -> set[tuple[str, str]]:
    """What this caller can do: a run that is refused everywhere proves nothing."""
    schemes: dict[str, dict[str, list[str]]] = {
        "nobody": {},
        "signed-in": {"session": []},
        "bearer": {"bearer": []},
    }
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and (not operation["security"] or schemes[asks_as] in operation["security"])
    }


@pytest.mark.parametrize("asks_as", ["nobody", "signed-in", "bearer"])
def test_nothing_the_service_answers_contradicts_its_description(
    make_service: Callable[..., Service], provider: OpenIDProvider, database_url: str, asks_as: str
) -> None:
    service = make_service(APP_ENV="test", **client_at(provider.issuer), **UNLIMITED)
    service.wait_until_serving()
    done = run(service, asks_as, database_url)
    assert done.returncode == 0, done.stdout + done.stderr
    went_well = {
        (record["method"], record["route"])
        for record in service.records()
        if record["message"] == "Request" and record["status"] < 400
    }
    document = requests.get(f"{service.url}/openapi.json", timeout=5).json()
    assert expected(document, asks_as) - went_well == NEVER_DONE & expected(document, asks_as)
