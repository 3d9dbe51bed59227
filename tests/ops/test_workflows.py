""".github/workflows: what they run is there, and a release builds what the Dockerfile describes."""

import configparser
import os
import re
import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.support.service import ROOT

WORKFLOWS = {path.name: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def jobs_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))["jobs"]
    return found


def lines_of(name: str, job: str) -> list[str]:
    """What the job types."""
    return [step["run"] for step in jobs_of(name)[job]["steps"] if "run" in step]


def inputs_of(action: str) -> dict[str, Any]:
    """What the release gives that action."""
    steps = jobs_of("release.yml")["image"]["steps"]
    [inputs] = [step["with"] for step in steps if step.get("uses", "").startswith(f"{action}@")]
    found: dict[str, Any] = inputs
    return found


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_action_is_pinned_by_its_commit(name: str) -> None:
    used = re.findall(r"uses: (.+)", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert used
    assert [use for use in used if not PINNED.fullmatch(use)] == []


def test_each_python_from_3_11_to_3_14_is_tested_and_everything_every_night() -> None:
    assert SETUP["options"]["python_requires"] == ">=3.11"
    assert jobs_of("ci.yml")["pythons"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert lines_of("ci.yml", "pythons") == ["bin/test"]
    assert lines_of("ci.yml", "ci") == ["bin/ci"]
    assert lines_of("ci.yml", "nightly") == ["bin/ci --full"]
    for command in ("test", "ci"):
        assert (ROOT / "bin" / command).exists()


@pytest.mark.parametrize(("tag", "code"), [(f"v{SETUP['metadata']['version']}", 0), ("v9.9.9", 1)])
def test_a_release_begins_with_its_version_and_the_tests(tag: str, code: int) -> None:
    check, tests = lines_of("release.yml", "test")
    environ = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag}
    assert subprocess.run(["bash", "-ec", check], cwd=ROOT, env=environ, check=False).returncode == code
    assert tests == "bin/ci"
    assert jobs_of("release.yml")["image"]["needs"] == "test"


def test_an_image_has_both_platforms_an_sbom_its_provenance_and_its_commit() -> None:
    inputs = inputs_of("docker/build-push-action")
    assert inputs["context"] == "."
    assert inputs["platforms"] == "linux/amd64,linux/arm64"
    assert (inputs["sbom"], inputs["provenance"], inputs["push"]) == (True, "mode=max", True)
    argument = inputs["build-args"].partition("=")[0]
    assert re.search(rf"^ARG {argument}\b", DOCKERFILE, re.MULTILINE)
    registry = inputs_of("docker/login-action")["registry"]
    assert inputs_of("docker/metadata-action")["images"] == f"{registry}/${{{{ github.repository }}}}"
    for page in ("docs/deploy-coolify.md", "docs/deploy-kubernetes.md", "ops/compose.yaml"):
        assert f"{registry}/OWNER/connected-backend:" in (ROOT / page).read_text(encoding="utf-8"), page


def test_one_job_alone_may_push() -> None:
    for name, path in WORKFLOWS.items():
        # GitHub makes this one for each run; nobody has to keep another.
        assert set(re.findall(r"secrets\.(\w+)", path.read_text(encoding="utf-8"))) <= {"GITHUB_TOKEN"}
        for job, content in jobs_of(name).items():
            expected = {"contents": "read", "packages": "write"} if job == "image" else None
            assert content.get("permissions") == expected, (name, job)
