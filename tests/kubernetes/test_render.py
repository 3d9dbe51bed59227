"""kubectl renders ops/kubernetes/, and what it prints keeps to the schemas of Kubernetes' versions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.kubernetes.manifests import (
    FOLDER,
    MANIFESTS,
    MONITOR,
    PAGE,
    SETTINGS,
    kubectl_commands,
    secrets_of,
)

pytestmark = pytest.mark.full

OLDEST = "1.25"
"""Of the versions whose schemas kubernetes-validate has; it takes the newest where none is named."""
VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
SERVICE_MONITOR = jsonschema_rs.Draft202012Validator(
    json.loads((Path(__file__).parent / "service_monitor.json").read_text(encoding="utf-8"))
)


def kubectl(*arguments: str) -> str:
    return subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every object, that of the Prometheus operator included."""
    folder = tmp_path_factory.mktemp("kubernetes") / "copy"
    shutil.copytree(FOLDER, folder)
    file = folder / "kustomization.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(f"# - {MONITOR}", f"- {MONITOR}"))
    return list(yaml.safe_load_all(kubectl("kustomize", str(folder))))


def test_kubectl_renders_each_object_in_one_namespace_with_the_image(rendered: list[dict[str, Any]]) -> None:
    kinds = sorted(manifest["kind"] for manifest in rendered)
    assert kinds == sorted([*(manifest["kind"] for manifest in MANIFESTS.values()), "ConfigMap"])
    assert {
        manifest["metadata"].get("namespace") for manifest in rendered if manifest["kind"] != "Namespace"
    } == {"connected-backend"}
    text = json.dumps(rendered)
    assert text.count('"image": "registry.example.com/connected-backend:0.1.0"') == 3
    [settings] = [manifest for manifest in rendered if manifest["kind"] == "ConfigMap"]
    assert settings["data"] == SETTINGS
    assert text.count(f'"configMapRef": {{"name": "{settings["metadata"]["name"]}"}}') == 3


@pytest.mark.parametrize("version", [["--kubernetes-version", OLDEST], []], ids=["oldest", "newest"])
def test_each_object_keeps_to_the_schema_and_has_no_unknown_field(
    version: list[str], rendered: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert f"Kubernetes {OLDEST} or later" in PAGE.text
    [monitor] = [manifest for manifest in rendered if manifest["kind"] == "ServiceMonitor"]
    SERVICE_MONITOR.validate(monitor)
    others = [manifest for manifest in rendered if manifest is not monitor]
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(others))
    command = [str(VALIDATE), "--strict", *version, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count(" passed ") == len(others)


def test_kubectl_makes_the_secret_that_the_pods_ask_for(tmp_path: Path) -> None:
    [block] = PAGE.blocks("ini")
    file = tmp_path / "secret.env"
    file.write_text(block.text)
    creating = [words for words in kubectl_commands() if words[1:4] == ["create", "secret", "generic"]]
    assert len(creating) == 2
    for words in creating:
        arguments = [str(file) if word.endswith("secret.env") else word for word in words[1:]]
        dry = [] if "--dry-run=client" in arguments else ["--dry-run=client", "--output=yaml"]
        secret = yaml.safe_load(kubectl(*arguments, *dry))
        assert set(secret["data"]) == set(secrets_of(block))
        assert secret["metadata"] == {
            "creationTimestamp": None,
            "name": "connected-backend",
            "namespace": "connected-backend",
        }
