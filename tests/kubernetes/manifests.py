"""ops/kubernetes/ and its page, as the tests read them."""

from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.support.pages import Block, Page
from tests.support.service import ROOT

FOLDER = ROOT / "ops" / "kubernetes"
PAGE = Page("deploy-kubernetes.md")
SECRET = "bC0b7bRPYrhTBOkCLFCqC6mUQRv0SJ2IqQzvvIb0ORI="
MONITOR = "service-monitor.yaml"

Manifest = dict[str, Any]


def read(name: str) -> Manifest:
    """The one object of a file."""
    found: Manifest = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


KUSTOMIZATION = read("kustomization.yaml")
MANIFESTS = {name: read(name) for name in [*KUSTOMIZATION["resources"], MONITOR]}
"""Each object by its file."""
SETTINGS: dict[str, str] = dict(
    literal.split("=", 1) for literal in KUSTOMIZATION["configMapGenerator"][0]["literals"]
)


def of_kind(kind: str) -> Manifest:
    [found] = [manifest for manifest in MANIFESTS.values() if manifest["kind"] == kind]
    return found


def pod_of(kind: str) -> Manifest:
    """The pod template of a Deployment, Job or CronJob."""
    spec = of_kind(kind)["spec"]
    template: Manifest = spec.get("jobTemplate", {}).get("spec", spec)["template"]
    return template


def container_of(kind: str) -> Manifest:
    [container] = pod_of(kind)["spec"]["containers"]
    found: Manifest = container
    return found


def secrets_of(block: Block) -> dict[str, str]:
    """The variables of the page's secret.env, with a value for those it leaves empty."""
    pairs = [line.partition("=") for line in block.text.splitlines()]
    return {name: value or SECRET for name, _, value in pairs}


def kubectl_commands() -> Iterator[list[str]]:
    """The words of each kubectl command on the page."""
    for block in PAGE.all_blocks():
        for command in block.commands() if block.language == "sh" else []:
            for part in command.line.split(" | "):
                if part.startswith("kubectl "):
                    yield part.split()
