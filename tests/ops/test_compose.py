"""ops/compose.yaml: what the world sees of it, what it keeps apart, and that its variables are enough."""

import json
import re
import shlex
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from app.settings.config import Config
from tests.ops.compose import OPS, REPLICAS, SERVICES, STACK, TEXT, filled_in, interpolated
from tests.support.original import OriginalService
from tests.support.pages import Command, Page
from tests.support.prometheus import promtool
from tests.support.service import ROOT

ON_THE_PAGE = [
    command
    for block in Page("deploy-compose.md").all_blocks()
    if block.needs
    for command in block.commands()
    if command.line.startswith("docker compose")
]
OF_COMPOSE = {"up", "build", "logs", "exec", "pull", "stop"}
PROGRAMS = {"bin/sessions", "psql", "pg_dump", "dropdb", "createdb", "pg_restore"}
"""What they are given is tried in test_compose_backup.py, and in the tests of bin/sessions."""
SECRET = "8d41f6c2a97e05b3e6104bd2f97a3c58"
PROMETHEUS = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))


def test_only_the_proxy_has_published_ports() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert not [name for name, service in SERVICES.items() if "network_mode" in service]


def test_the_database_and_redis_share_a_network_with_the_replicas_alone_and_have_no_way_out() -> None:
    assert STACK["networks"]["data"] == {"internal": True}
    on_data = {name for name, service in SERVICES.items() if "data" in service["networks"]}
    assert on_data == {*REPLICAS, "postgres", "redis"}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["data"]


def test_a_replica_can_write_to_tmp_alone_and_gain_no_rights() -> None:
    for replica in REPLICAS:
        service = SERVICES[replica]
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's own
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "volumes" not in service
        assert service["stop_grace_period"] == "30s"


def test_each_service_is_watched_restarted_and_its_log_bounded() -> None:
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name not in REPLICAS), name
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name


def test_secrets_come_from_the_environment_file_which_the_example_lists() -> None:
    asked_for = set(re.findall(r"\$\{(\w+)", TEXT))
    assert asked_for == set(filled_in(SECRET)) - {"COMPOSE_PROJECT_NAME"}
    assert set(re.findall(r"\$\{(\w+):\?\}", TEXT)) == asked_for, "one that may be left out unseen"
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN", variable):
                assert re.fullmatch(r"\$\{\w+:\?\}", value), (name, variable)


def test_what_is_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            is_file = source.startswith(".")
            assert (OPS / source).exists() if is_file else source in STACK["volumes"], (name, mount)


def test_prometheus_and_the_proxy_know_every_replica() -> None:
    addresses = [f"{replica}:3000" for replica in REPLICAS]
    assert PROMETHEUS["scrape_configs"] == [
        {"job_name": "connected-backend", "static_configs": [{"targets": addresses}]}
    ]
    proxy = (OPS / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    assert f"reverse_proxy {' '.join(addresses)} {{" in proxy
    assert set(re.findall(r"\{\$(\w+)\}", proxy)) == set(SERVICES["proxy"]["environment"])


def test_grafana_finds_its_dashboard_and_its_prometheus() -> None:
    provisioning = OPS / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    dashboards = provisioning / "dashboards" / "connected-backend.yml"
    [provider] = yaml.safe_load(dashboards.read_text())["providers"]
    mounted = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/connected-backend.json" in mounted
    assert "/etc/grafana/provisioning" in mounted
    # A provisioned dashboard asks nobody which Prometheus it shall use.
    variables = json.loads((OPS / "grafana" / "dashboard.json").read_text())["templating"]["list"]
    assert {"name": "datasource", "type": "datasource", "query": "prometheus"}.items() <= variables[0].items()


def test_its_variables_alone_start_the_service(database_url: str) -> None:
    values = filled_in(SECRET)
    environment = SERVICES["backend-1"]["environment"]
    given = {name: interpolated(value, values) for name, value in environment.items()}
    assert (
        Config.from_environ(given).database_url
        == f"postgresql://service:{SECRET}@postgres:5432/service?sslmode=prefer"
    )
    # Its PostgreSQL is the test's; nobody is called redis here, which no start waits for.
    service = OriginalService({**given, "DATABASE_URL": database_url})
    try:
        service.wait_until_serving()
    finally:
        service.kill()


@pytest.mark.full
def test_compose_reads_it(tmp_path: Path) -> None:
    values = tmp_path / "env"
    values.write_text("".join(f"{name}={value}\n" for name, value in filled_in(SECRET).items()))

    def read(env_file: Path) -> subprocess.CompletedProcess[str]:
        files: list[str | Path] = ["--env-file", env_file, "--file", OPS / "compose.yaml"]
        command = ["docker-compose", *files, "config"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    complete = read(values)
    assert complete.returncode == 0, complete.stderr
    services = yaml.safe_load(complete.stdout)["services"]
    assert set(services) == set(SERVICES)
    assert services["backend-2"]["environment"]["SESSION_SECRET"] == SECRET

    values.write_text("")
    incomplete = read(values)
    assert incomplete.returncode != 0
    assert "API_HOST" in incomplete.stderr


@pytest.mark.full
def test_prometheus_reads_its_configuration() -> None:
    assert "10 rules found" in promtool("check", "config", OPS / "prometheus" / "prometheus.yml")


@pytest.mark.parametrize("command", ON_THE_PAGE, ids=str)
def test_a_command_of_the_page_names_services_and_files_that_there_are(command: Command) -> None:
    words = shlex.split(command.line)
    assert (ROOT / words[words.index("--file") + 1]).is_file()
    own = list(takewhile(lambda word: word not in PROGRAMS, words[4:]))
    named = {word for word in own if not word.startswith("-")} - OF_COMPOSE
    assert named <= set(SERVICES)
    assert (own != words[4:]) == ("exec" in own)
