"""ops/kubernetes/: each name, port, path and variable is one that the service or another file has."""

import re
from typing import Any

import pytest

from app.settings.config import Config
from app.web import paths
from tests.kubernetes.manifests import (
    FOLDER,
    KUSTOMIZATION,
    MANIFESTS,
    MONITOR,
    PAGE,
    SECRET,
    SETTINGS,
    container_of,
    kubectl_commands,
    of_kind,
    pod_of,
    secrets_of,
)
from tests.support.pages import Block
from tests.support.service import PRODUCTION, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPONENTS = {"Deployment": "service", "Job": "migrate", "CronJob": "purge"}
SUPERUSERS_ALONE = 3
MAX_CONNECTIONS = 100
[SECRET_ENV] = PAGE.blocks("ini")


class AskedFor(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("block", [SECRET_ENV], ids=str)
def test_its_variables_are_the_services_and_suffice(block: Block) -> None:
    given = {**secrets_of(block), **SETTINGS}
    assert not set(secrets_of(block)) & set(SETTINGS)
    asked = AskedFor(given)
    config = Config.from_environ(asked)
    assert set(given) <= asked.names
    assert config.migrate_on_start is False
    assert config.app_env == "production"
    assert (config.redis_url, config.session_secret) == ("redis://HOST:6379/0", SECRET)
    assert not config.warnings()


@pytest.mark.parametrize("kind", COMPONENTS)
def test_each_pod_gets_the_variables_and_no_rights(kind: str) -> None:
    pod, container = pod_of(kind)["spec"], container_of(kind)
    assert container["envFrom"] == [
        {"secretRef": {"name": "connected-backend"}},
        {"configMapRef": {"name": KUSTOMIZATION["configMapGenerator"][0]["name"]}},
    ]
    assert "env" not in container
    assert container["image"] == KUSTOMIZATION["images"][0]["name"]
    user, group = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[0]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(group),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    [mount], [volume] = container["volumeMounts"], pod["volumes"]
    assert (mount["mountPath"], mount["name"], "emptyDir" in volume) == ("/tmp", volume["name"], True)  # noqa: S108
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_job_runs_a_command_that_the_image_has(kind: str) -> None:
    program = container_of(kind)["command"][0]
    assert f"!{program}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_port_has_one_name_and_is_the_services_own() -> None:
    [port] = container_of("Deployment")["ports"]
    assert f"\nEXPOSE {port['containerPort']}\n" in DOCKERFILE
    config = Config.from_environ({**PRODUCTION, **SETTINGS, "DATABASE_URL": "postgresql://db/service"})
    assert config.port == port["containerPort"]
    [service_port] = of_kind("Service")["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    [backend] = of_kind("Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert backend["backend"]["service"] == {
        "name": of_kind("Service")["metadata"]["name"],
        "port": {"name": service_port["name"]},
    }
    [endpoint] = of_kind("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["port"] == service_port["name"]
    [rule] = of_kind("NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": port["name"]}]


def test_probes_and_prometheus_ask_for_the_services_paths() -> None:
    container = container_of("Deployment")
    probes = {
        name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")
    }
    assert probes == {"startup": paths.READY, "readiness": paths.HEALTH, "liveness": paths.HEALTH}
    assert of_kind("ServiceMonitor")["spec"]["endpoints"][0]["path"] == paths.METRICS
    assert set(paths.UNLIMITED) >= set(probes.values())


def test_the_alerts_find_the_job_by_the_services_name() -> None:
    # The operator's job label is the Service's name.
    name = of_kind("Service")["metadata"]["name"]
    assert f'up{{job="{name}"}}' in (ROOT / "ops" / "prometheus" / "alerts.yml").read_text(encoding="utf-8")


def test_selectors_choose_the_replicas_and_the_policy_every_pod() -> None:
    replicas = pod_of("Deployment")["metadata"]["labels"]
    spec = of_kind("Deployment")["spec"]
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        spec["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in spread),
    ]
    assert selectors == [replicas] * 5
    every = of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items()
    for kind, component in COMPONENTS.items():
        labels = pod_of(kind)["metadata"]["labels"]
        assert labels["app.kubernetes.io/component"] == component
        assert every <= labels.items()
    labels = of_kind("Service")["metadata"]["labels"]
    assert of_kind("ServiceMonitor")["spec"]["selector"]["matchLabels"] == labels


def test_the_autoscaler_scales_the_deployment_within_the_databases_connections() -> None:
    scaler, deployment = of_kind("HorizontalPodAutoscaler")["spec"], of_kind("Deployment")
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    assert "cpu" in container_of("Deployment")["resources"]["requests"], (
        "a percentage of it is what is scaled by"
    )
    replicas = scaler["maxReplicas"] + deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    connections = replicas * int(SETTINGS["WEB_CONCURRENCY"]) * int(SETTINGS["DB_POOL_MAX"])
    assert connections <= MAX_CONNECTIONS - SUPERUSERS_ALONE
    assert f"at most {connections} [connections]" in PAGE.text
    assert f"{scaler['minReplicas']} to {scaler['maxReplicas']} replicas" in PAGE.text


def test_a_stopping_pod_has_the_time_that_the_service_takes() -> None:
    pod = pod_of("Deployment")["spec"]
    program, seconds = container_of("Deployment")["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    gunicorn_conf = (ROOT / "app" / "server" / "gunicorn_conf.py").read_text(encoding="utf-8")
    graceful = int(re.findall(r"^graceful_timeout = (\d+)$", gunicorn_conf, re.MULTILINE)[0])
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + graceful + 3
    assert f"serves for {seconds} s more" in PAGE.text


def test_the_policy_lets_in_the_controller_and_out_to_what_the_variables_name() -> None:
    [rule] = of_kind("NetworkPolicy")["spec"]["ingress"]
    [allowed] = rule["from"][0]["namespaceSelector"]["matchExpressions"]
    controller = of_kind("Ingress")["spec"]["ingressClassName"]
    assert allowed["values"] == [controller, "monitoring"]
    [rule] = of_kind("NetworkPolicy")["spec"]["egress"]
    open_ports = {(port["protocol"], port["port"]) for port in rule["ports"]}
    named = {int(port) for port in re.findall(r"HOST:(\d+)", SECRET_ENV.text)}
    assert {("TCP", port) for port in {*named, 443}} | {("UDP", 53), ("TCP", 53)} <= open_ports


def test_the_ingress_answers_to_the_api_and_offers_it_a_certificate() -> None:
    ingress = of_kind("Ingress")["spec"]
    [rule], [tls] = ingress["rules"], ingress["tls"]
    assert SETTINGS["API_URL"] == f"https://{rule['host']}"
    assert tls["hosts"] == [rule["host"]]


def test_each_file_is_a_resource_and_each_command_names_what_is_there() -> None:
    listed = {*KUSTOMIZATION["resources"], MONITOR, "kustomization.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == listed
    assert f"# - {MONITOR}" in (FOLDER / "kustomization.yaml").read_text(encoding="utf-8")
    names = {f"{manifest['kind']}/{manifest['metadata']['name']}".lower() for manifest in MANIFESTS.values()}
    for words in kubectl_commands():
        for word in words:
            assert not re.fullmatch(r"(job|deployment)/[\w-]+", word) or word in names, words
            assert not word.startswith("ops/") or word.endswith("secret.env") or (ROOT / word).exists(), words
        if "--namespace" in words:
            namespace = words[words.index("--namespace") + 1]
            assert namespace == KUSTOMIZATION["namespace"] == of_kind("Namespace")["metadata"]["name"]
    image = KUSTOMIZATION["images"][0]
    assert f"docker push {image['newName']}:{image['newTag']}" in PAGE.text
