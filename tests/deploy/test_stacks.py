"""Files in ``deploy/`` are what their programs accept, and fit to each other and to Tidegauge."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from servers.compose import DEPLOY, Compose
from servers.process import ServerError
from tidegauge.arguments import parse
from tidegauge.config import Options, load
from tidegauge.dashboards.writing import files

ROOT = DEPLOY.parent

STACKS = {
    "compose": ("compose.yml",),
    "grafana": ("compose.yml", "compose.grafana.yml"),
    "proxy": ("compose.proxy.yml",),
    "swarm": ("swarm.yml",),
    "fleet": ("swarm.yml", "swarm.fleet.yml"),
}

OF_A_SWARM = ("swarm", "fleet")

VARIABLES = {"DOCKER_GID": "997", "TIDEGAUGE_WEB_TOKEN": "a secret"}
"""What they ask for."""

OWN = "tidegauge:latest"

each_stack = pytest.mark.parametrize("stack", STACKS)


@pytest.fixture
def read(require):
    """A stack with all its defaults; `ServerError` if it is not accepted."""
    require(Compose)
    return lambda stack, variables=VARIABLES: Compose(STACKS[stack], variables).understood()


@each_stack
def test_a_stack_is_understood(stack: str, read) -> None:
    """By docker compose itself, and its files are there."""
    understood = read(stack)

    mounts = [
        Path(volume["source"])
        for service in understood["services"].values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    ]
    named = [Path(each["file"]) for each in understood.get("configs", {}).values()]
    here = [path for path in (*mounts, *named) if path.is_relative_to(ROOT)]
    assert [path for path in here if not path.is_file()] == []


@each_stack
@pytest.mark.parametrize("missing", VARIABLES)
def test_what_is_not_set_is_asked_for(stack: str, missing: str, read) -> None:
    """No stack starts without a token, or with a group that is not the socket's."""
    if stack in OF_A_SWARM and missing == "TIDEGAUGE_WEB_TOKEN":
        assert read(stack)["secrets"]["tidegauge-token"]["external"]
        return
    with pytest.raises(
        ServerError, match=f"required variable {missing} is missing a value: set it"
    ):
        read(stack, {name: VARIABLES[name] for name in VARIABLES if name != missing})


@each_stack
def test_tidegauge_has_no_more_rights_than_it_needs(stack: str, read) -> None:
    """Nothing to write to but its state, no capability, and the socket read-only if at all."""
    service = read(stack)["services"]["tidegauge"]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert {volume["target"]: volume.get("read_only", False) for volume in service["volumes"]} == {
        "/var/lib/tidegauge": False,
        **({"/var/run/docker.sock": True} if stack != "proxy" else {}),
    }
    published = [port.get("host_ip") for port in service["ports"]]
    assert published == ([None] if stack in OF_A_SWARM else ["127.0.0.1"])


@each_stack
def test_what_tidegauge_is_told_are_options_and_commands(stack: str, tmp_path: Path, read) -> None:
    """Variables are those of the configuration, arguments those of the commands."""
    for name, service in read(stack)["services"].items():
        if service["image"] == OWN:
            environment = dict(service.get("environment") or {})
            if "TIDEGAUGE_WEB_TOKEN_FILE" in environment:
                environment["TIDEGAUGE_WEB_TOKEN_FILE"] = str(tmp_path / "token")
                (tmp_path / "token").write_text("a secret\n")
            options = load(None, environment).options
            assert options.web.token == ("a secret" if name == "tidegauge" else "")
            parse(service["command"] or ["run"])


def test_configurations_within_are_accepted(tmp_path: Path) -> None:
    """Those of Swarm and Kubernetes load, and say something."""
    configured = tmp_path / "tidegauge.toml"
    (within,) = (each["data"] for each in kubernetes() if each["kind"] == "ConfigMap")
    configured.write_text(within["tidegauge.toml"])

    assert load(configured, {}).options != Options()
    assert load(DEPLOY / "swarm/tidegauge.toml", {}).options != Options()


def kubernetes() -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text()))


def test_kubernetes_takes_its_file() -> None:
    """Each resource is one of its schemas', without keys that these do not have."""
    for resource in kubernetes():
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def test_what_kubernetes_runs_is_what_tidegauge_takes() -> None:
    """Arguments, variables, and volumes that are there."""
    (pod,) = (x["spec"]["template"]["spec"] for x in kubernetes() if x["kind"] == "DaemonSet")
    (container,) = pod["containers"]

    parse(container["args"])
    assert load(None, {x["name"]: x.get("value", "x") for x in container["env"]}).options.web.token
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_grafana_finds_what_its_files_name(read) -> None:
    """The stack sets every variable in them, to services that are in it."""
    stack = read("grafana")
    services = stack["services"]
    command = parse(services["dashboards"]["command"])
    assert command.wanted is not None
    written = files(command.wanted.split(","))

    named = set().union(
        *(re.findall(r"\$\{(\w+)\}", text) for path, text in written.items() if "json" not in path)
    )
    environment = services["grafana"]["environment"]
    hosts = {
        name: re.fullmatch(r"http://(\w+):\d+", environment[name])
        for name in named - {"DASHBOARDS_DIR"}
    }
    assert {host[1] for host in hosts.values() if host} == {"prometheus", "graphite"}
    (mount,) = (x for x in services["grafana"]["volumes"] if x["source"] == "dashboards")
    assert environment["DASHBOARDS_DIR"] == f"{mount['target']}/dashboards"
    assert environment["GF_PATHS_PROVISIONING"] == f"{mount['target']}/provisioning"


class Promtool:
    """Prometheus' own tool."""

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("promtool") else "missing packages: prometheus"


class SystemdAnalyze:
    """The service manager's own tool."""

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("systemd-analyze") else "missing packages: systemd"


def test_prometheus_takes_its_file(tmp_path: Path, read, require) -> None:
    """Its own tool says so; the target is the service, the token's file the secret."""
    text = (DEPLOY / "grafana/prometheus.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]
    service = read("grafana")["services"]["prometheus"]

    assert job["static_configs"] == [{"targets": ["tidegauge:8470"]}]
    (secret,) = service["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret['source']}"
    require(Promtool)
    token, copied = tmp_path / "token", tmp_path / "prometheus.yml"
    token.write_text("secret")
    copied.write_text(text.replace("/run/secrets/token", str(token)))
    subprocess.run(["promtool", "check", "config", copied], check=True, capture_output=True)


def test_all_that_a_fleet_writes_to_and_asks_is_its_store(read) -> None:
    """One service, whose port is that of VictoriaMetrics; what waits for it outlives the agent."""
    services = read("fleet")["services"]
    told = {
        name: value
        for name, value in services["tidegauge"]["environment"].items()
        if not name.startswith("TIDEGAUGE_WEB_")
    }
    configured = load(None, told).options
    written = configured.exporters.remote_write

    assert services["store"]["image"].startswith("victoriametrics/victoria-metrics:v")
    assert written is not None
    assert written.url == "http://store:8428/api/v1/write"
    assert configured.history.prometheus == "http://store:8428"
    (kept,) = (x["target"] for x in services["tidegauge"]["volumes"] if x["source"] == "history")
    assert written.spool.startswith(f"{kept}/")


def test_prometheus_takes_the_file_for_a_swarm(tmp_path: Path, require) -> None:
    """Its own tool says so."""
    require(Promtool)
    copied = tmp_path / "prometheus.yml"
    (tmp_path / "token").write_text("secret")
    text = (DEPLOY / "swarm/prometheus.yml").read_text()
    copied.write_text(text.replace("/run/secrets/tidegauge-token", str(tmp_path / "token")))

    subprocess.run(["promtool", "check", "config", copied], check=True, capture_output=True)


def test_statsd_and_carbon_are_set_up_as_their_pages_say() -> None:
    """StatsD to the letter; carbon keeps a point for each flush and takes new series at once."""
    page = (ROOT / "docs/exporters/statsd.md").read_text()
    statsd = (DEPLOY / "grafana/statsd.js").read_text()
    carbon, schemas = configparser.ConfigParser(), configparser.ConfigParser()
    carbon.read_string((DEPLOY / "grafana/carbon.conf").read_text())
    schemas.read_string((DEPLOY / "grafana/storage-schemas.conf").read_text())

    assert f"```js\n{statsd}```" in page
    assert "flushInterval: 10000" in statsd
    assert schemas["all"]["retentions"].startswith(f"{Options().tick_interval:g}s:")
    assert carbon["cache"]["LINE_RECEIVER_PORT"] == "2003"
    assert carbon["cache"]["MAX_CREATES_PER_MINUTE"] == "inf"


def test_systemd_takes_the_unit(tmp_path: Path, require) -> None:
    """Its own tool says nothing against it."""
    require(SystemdAnalyze)
    text = (DEPLOY / "tidegauge.service").read_text()
    unit = tmp_path / "tidegauge.service"
    unit.write_text(text.replace("/usr/local/bin/tidegauge", shutil.which("true") or ""))

    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, check=False)

    assert (done.returncode, done.stderr.decode()) == (0, "")
    parse(["run", "-c", "/etc/tidegauge.toml"])


def test_the_image_is_made_of_what_is_there() -> None:
    """What is copied into the build is in the repository, and not kept out of it."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    kept = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert any(source.startswith(name) or name.startswith(f"{source}/") for name in kept), (
            source
        )
