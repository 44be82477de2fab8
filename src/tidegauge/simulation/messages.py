"""What the simulated engine says, in the shapes of Docker 26 on cgroup v2."""

import hashlib
from datetime import UTC, datetime

import msgspec

from tidegauge.simulation.engine import Incident, Instance, SimulatedEngine
from tidegauge.simulation.incidents import Condition
from tidegauge.simulation.services import MIB, SERVICES, Service

Document = dict[str, object]

VERSION, API_VERSION = "26.1.5", "1.45"

NEVER = "0001-01-01T00:00:00Z"
_LAYER_BYTES, _LAYER_RATE = 40 << 10, 60.0
_COMPOSE = "com.docker.compose."


def written(document: object) -> bytes:
    """A message as it goes over the wire."""
    return msgspec.json.encode(document) + b"\n"


def moment(time: float | None) -> str:
    """A time as Go writes it, without the zeros at its end."""
    if time is None:
        return NEVER
    text = datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00").rstrip("0").rstrip(".") + "Z"


def version() -> Document:
    """``/version``."""
    return {
        "Platform": {"Name": "Docker Engine - simulated by Tidegauge"},
        "Components": [{"Name": "Engine", "Version": VERSION, "Details": {}}],
        "Version": VERSION,
        "ApiVersion": API_VERSION,
        "MinAPIVersion": "1.24",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "6.12.0",
    }


def info(engine: SimulatedEngine, time: float) -> Document:
    """``/info``."""
    states = [now.state for _, now in engine.conditions(time)]
    running = states.count("running") + states.count("restarting")
    paused = states.count("paused")
    return {
        "ID": "9c1f4a52-5d0e-4d6b-9d7e-5f2a8f3b7c11",
        "Containers": len(states),
        "ContainersRunning": running,
        "ContainersPaused": paused,
        "ContainersStopped": len(states) - running - paused,
        "Images": len(_images()),
        "Driver": "overlay2",
        "MemoryLimit": True,
        "SwapLimit": True,
        "SystemTime": moment(time),
        "LoggingDriver": "json-file",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "KernelVersion": "6.12.0",
        "OperatingSystem": "Debian GNU/Linux 13 (trixie)",
        "OSType": "linux",
        "Architecture": "x86_64",
        "NCPU": engine.cpus,
        "MemTotal": engine.memory,
        "DockerRootDir": "/var/lib/docker",
        "Name": "demo",
        "Labels": [],
        "ServerVersion": VERSION,
        "Swarm": {"NodeID": "", "LocalNodeState": "inactive"},
        "Warnings": None,
    }


def disk_use(engine: SimulatedEngine, time: float) -> Document:
    """``/system/df`` of images, volumes and build cache."""
    sizes = _images()
    volumes = [
        f"{one.project}_{one.service.name}-data"
        for one, _ in engine.conditions(time)
        if one.service.written[0] and one.service.cycle is None
    ]
    return {
        "LayersSize": sum(sizes.values()) * 4 // 5,
        "Images": [
            {"Id": image_id(image), "RepoTags": [image], "SharedSize": 0, "Size": size}
            for image, size in sizes.items()
        ],
        "Containers": None,
        "Volumes": [
            {
                "Name": name,
                "Driver": "local",
                "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
                "Scope": "local",
                "UsageData": {"RefCount": 1, "Size": (310 + 45 * number) * MIB},
            }
            for number, name in enumerate(volumes)
        ],
        "BuildCache": [
            {"ID": f"layer{n}", "Type": "regular", "Shared": n == 0, "Size": (40 + 90 * n) * MIB}
            for n in range(5)
        ],
    }


def listed(instance: Instance, now: Condition, time: float, *, sizes: bool) -> Document:
    """An element of ``/containers/json``."""
    service = instance.service
    return {
        "Id": instance.identity(now),
        "Names": [f"/{instance.name}"],
        "Image": service.image,
        "ImageID": image_id(service.image),
        "Command": service.command,
        "Created": int(now.created),
        "Ports": _ports(service),
        **(_sizes(instance, now, time) if sizes else {}),
        "Labels": labels(instance),
        "State": now.state,
        "Status": _status(service, now, time),
        "HostConfig": {"NetworkMode": _network_mode(instance)},
        "NetworkSettings": {"Networks": {}},
        "Mounts": [],
    }


def inspected(instance: Instance, now: Condition) -> Document:
    """``/containers/{id}/json``."""
    service = instance.service
    return {
        "Id": instance.identity(now),
        "Created": moment(now.created),
        "Path": service.command.partition(" ")[0],
        "Args": service.command.split()[1:],
        "State": _state(instance, now),
        "Image": image_id(service.image),
        "Name": f"/{instance.name}",
        "RestartCount": now.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": {
            "NetworkMode": _network_mode(instance),
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "CpuShares": 0,
            "NanoCpus": int(service.cpus * 1e9),
            "CpuPeriod": 0,
            "CpuQuota": 0,
            "CpusetCpus": "",
            "Memory": service.memory_limit,
            "MemoryReservation": service.memory_reservation,
            "MemorySwap": 2 * service.memory_limit,
            "PidsLimit": service.pids_limit or None,
        },
        "Config": {"Image": service.image, "Labels": labels(instance), "Env": []},
    }


def _state(instance: Instance, now: Condition) -> Document:
    """``State`` of an inspected container."""
    state: Document = {
        "Status": now.state,
        "Running": now.state in {"running", "paused", "restarting"},
        "Paused": now.state == "paused",
        "Restarting": now.state == "restarting",
        "OOMKilled": now.out_of_memory,
        "Dead": False,
        "Pid": int(instance.identity(now)[:4], 16) + 300 if now.lives else 0,
        "ExitCode": now.exit_code,
        "Error": "",
        "StartedAt": moment(now.started),
        "FinishedAt": moment(now.finished),
    }
    if instance.service.health:
        failing = 0 if now.healthy else 3
        state["Health"] = {"Status": _health(now), "FailingStreak": failing, "Log": []}
    return state


def happened(incident: Incident) -> Document:
    """An element of ``/events``."""
    instance, step = incident.instance, incident.step
    told = {**labels(instance), "image": instance.service.image, "name": instance.name}
    if step.action == "die":
        told["exitCode"] = str(step.exit_code)
        told["execDuration"] = str(int(incident.at - (incident.condition.started or incident.at)))
    key, nanoseconds = instance.identity(incident.condition), int(incident.at * 1e6) * 1000
    return {
        "status": step.action,
        "id": key,
        "from": instance.service.image,
        "Type": "container",
        "Action": step.action,
        "Actor": {"ID": key, "Attributes": told},
        "scope": "local",
        "time": nanoseconds // 10**9,
        "timeNano": nanoseconds,
    }


def image_id(image: str) -> str:
    """The digest of an image."""
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def labels(instance: Instance) -> dict[str, str]:
    """The labels of a container: those of Compose, if it belongs to a project."""
    if not instance.project:
        return {}
    oneoff = instance.service.exited is not None
    return {
        f"{_COMPOSE}project": instance.project,
        f"{_COMPOSE}service": instance.service.name,
        f"{_COMPOSE}container-number": str(instance.number),
        f"{_COMPOSE}oneoff": str(oneoff),
        "com.example.team": "content" if instance.service.project == "blog" else "platform",
    }


def _sizes(instance: Instance, now: Condition, time: float) -> Document:
    """Its own layer, into which it writes a little all its life, and all layers."""
    own = int(_LAYER_BYTES + _LAYER_RATE * instance.phase * (time - now.created))
    return {"SizeRw": own, "SizeRootFs": instance.service.image_size + own}


def _network_mode(instance: Instance) -> str:
    project = instance.project
    return instance.service.network or (f"{project}_default" if project else "bridge")


def _images() -> dict[str, int]:
    return {each.image: each.image_size for each in SERVICES}


def _ports(service: Service) -> list[Document]:
    if not (port := service.port):
        return []
    anywhere = "0.0.0.0"  # noqa: S104 (said, not listened on)
    return [{"IP": anywhere, "PrivatePort": port, "PublicPort": port, "Type": "tcp"}]


def _health(now: Condition) -> str:
    return "healthy" if now.healthy else "unhealthy"


def _status(service: Service, now: Condition, time: float) -> str:
    since = now.finished if now.state in {"exited", "restarting"} else now.started
    ago = _long(time - (since or time))
    match now.state:
        case "exited":
            return f"Exited ({now.exit_code}) {ago} ago"
        case "restarting":
            return f"Restarting ({now.exit_code}) {ago} ago"
        case "created":
            return "Created"
        case "paused":
            return f"Up {ago} (Paused)"
        case _:
            return f"Up {ago}" + (f" ({_health(now)})" if service.health else "")


def _long(seconds: float) -> str:
    """A time in Docker's words (``docker/go-units``, ``HumanDuration``)."""
    whole = int(seconds)
    hours = int(seconds / 3600 + 0.5)
    for below, words in (
        (1, "Less than a second"),
        (2, "1 second"),
        (60, f"{whole} seconds"),
        (120, "About a minute"),
        (3600, f"{whole // 60} minutes"),
        (5400, "About an hour"),
        (48 * 3600, f"{hours} hours"),
        (14 * 86_400, f"{hours // 24} days"),
        (60 * 86_400, f"{hours // 24 // 7} weeks"),
    ):
        if seconds < below:
            return words
    return f"{hours // 24 // 30} months"
