"""What real engines say they have, and what is made of it; and what newer ones would say."""

import json

import msgspec
import pytest

from recorded import RECORDINGS, a_container
from tidegauge.docker.frames import Engine, ListedContainer
from tidegauge.docker.redacting import redacted
from tidegauge.docker.stock import Info, SystemDf, container_sizes, disk_use, stock

DOCKER, PODMAN = Engine("e"), Engine("e", "podman")

HOSTS = {
    "docker-20.10.24-cgroup1": "dk20a",
    "docker-26.1.5-cgroup1": "dk26",
    "docker-26.1.5-cgroup2": "engine-v2",
    "docker-28.5.2-cgroup1": "dk28",
    "podman-4.3.1-cgroup1": "pm43",
    "podman-5.4.2-cgroup1": "pm54",
}
IMAGES = {
    "docker-20.10.24-cgroup1": (2, 1984196, 0),
    "docker-26.1.5-cgroup1": (1, 1984196, 0),
    "docker-26.1.5-cgroup2": (1, 1984196, 0),
    "docker-28.5.2-cgroup1": (1, 1984196, 0),
    "podman-4.3.1-cgroup1": (1, None, None),
    "podman-5.4.2-cgroup1": (1, 2131015, None),
}
"""Images, their size, and that of the build cache; Podman 4 does not know, Podman has no cache."""

LAYERS = {
    "docker-20.10.24-cgroup1": {"web": 307200, "memw": 41943040, "idle": 0, "never": 0},
    "docker-26.1.5-cgroup1": {"web": 307200, "memw": 41943040, "idle": 0, "never": 0},
    "docker-26.1.5-cgroup2": {"web": 307200, "memw": 29761536, "idle": 0, "never": 0},
    "docker-28.5.2-cgroup1": {"web": 307200, "memw": 41943040, "idle": 0, "never": 0},
    "podman-4.3.1-cgroup1": {"web": 307212, "memw": 41943052, "idle": 12, "never": 0},
    "podman-5.4.2-cgroup1": {"web": 318403, "memw": 41954348, "idle": 11099, "never": 0},
}


def engine_of(folder: str) -> Engine:
    return PODMAN if folder.startswith("podman") else DOCKER


def reply(folder: str, name: str) -> bytes:
    return (RECORDINGS / folder / f"{name}.json").read_bytes()


@pytest.mark.parametrize("folder", IMAGES)
def test_what_each_engine_has(folder: str) -> None:
    """14 containers by state, images, CPUs and memory; and the name of its machine."""
    found = stock(engine_of(folder), msgspec.json.decode(reply(folder, "info"), type=Info))

    stopped = 1 if folder.startswith("podman") else 2  # Podman leaves out what never ran
    assert found.containers == {"running": 11, "paused": 1, "stopped": stopped}
    assert (found.images, found.cpus) == (IMAGES[folder][0], 2)
    slow = folder == "docker-26.1.5-cgroup2"
    assert found.memory == (2070069248 if slow else 25276510208)
    assert found.host == HOSTS[folder]
    assert stock(DOCKER, Info()).host is None


@pytest.mark.parametrize("folder", IMAGES)
def test_what_of_a_disk_each_engine_uses(folder: str) -> None:
    """Images, the one volume, the build cache: only what the engine knows."""
    df = msgspec.json.decode(reply(folder, "system-df"), type=SystemDf)
    found = disk_use(engine_of(folder), df, 60.0)

    _, images, cache = IMAGES[folder]
    assert (found.images, found.build_cache) == (images, cache)
    assert (found.volumes, found.volumes_size) == (1, 2097152)
    assert found.volume_sizes == {"vol1": 2097152}


@pytest.mark.parametrize("folder", LAYERS)
def test_the_layers_of_each_engines_containers(folder: str) -> None:
    """A size that Docker leaves out is 0; those of containers that are not watched are left out."""
    body = reply(folder, "containers-all-size")
    listed = msgspec.json.decode(body, type=list[ListedContainer])
    names = {"web", "memw", "idle", "never"}
    known = {one.id: a_container(id=one.id, alias=one.name) for one in listed if one.name in names}

    found = container_sizes(listed, known, 60.0)

    assert {one.container.alias: one.writable for one in found} == LAYERS[folder]


def test_the_shape_since_api_1_52() -> None:
    """Totals come ready made, and zeros are left out of them."""
    body = b"""{
        "ImageUsage": {"ActiveCount": 1, "TotalCount": 2, "TotalSize": 4000, "Reclaimable": 3000},
        "VolumeUsage": {"TotalCount": 3, "TotalSize": 600, "Items": [
            {"Name": "a", "Mountpoint": "/v/a", "UsageData": {"RefCount": 1, "Size": 600}},
            {"Name": "b", "Mountpoint": "/v/b", "UsageData": {"RefCount": 0, "Size": -1}},
            {"Name": "c", "Mountpoint": "/v/c"}]},
        "BuildCacheUsage": {},
        "ContainerUsage": {"TotalSize": 1}
    }"""
    df = msgspec.json.decode(body, type=SystemDf)
    found = disk_use(DOCKER, df, 60.0)

    assert (found.images, found.build_cache) == (4000, 0)
    assert (found.volumes, found.volumes_size, found.volume_sizes) == (3, 600, {"a": 600})
    assert [each.mountpoint for each in df.listed_volumes or ()] == ["/v/a", "/v/b", "/v/c"]


@pytest.mark.parametrize(
    ("body", "volumes", "size", "cache"),
    [
        (b"{}", None, None, None),
        (b'{"Volumes":null,"BuildCache":null,"BuilderSize":7}', None, None, 7),
        (b'{"Volumes":[],"BuildCache":[]}', 0, 0, 0),
        (b'{"Volumes":[{"Name":"v","UsageData":null}]}', 1, None, None),
        (b'{"Volumes":[{"Name":"v","UsageData":{"Size":-1}}]}', 1, None, None),
        (b'{"BuildCache":[{"Size":5},{"Size":9,"Shared":true},{"Size":-1}]}', None, None, 5),
    ],
)
def test_what_is_not_known_is_absent(
    body: bytes, volumes: int | None, size: int | None, cache: int | None
) -> None:
    """A null, an empty list and a size of -1 each mean something else."""
    found = disk_use(DOCKER, msgspec.json.decode(body, type=SystemDf), 60.0)

    assert (found.volumes, found.volumes_size, found.build_cache) == (volumes, size, cache)
    assert found.volume_sizes == {}
    assert found.images is None


def test_an_engine_that_says_nothing_has_nothing() -> None:
    """Nor does one that says what cannot be."""
    assert stock(DOCKER, Info()) == stock(DOCKER, Info(running=-1, images=-1, cpus=0, memory=-5))
    assert stock(DOCKER, Info()).containers == {}


@pytest.mark.parametrize(
    ("sizes", "writable"),
    [
        ({}, None),
        ({"SizeRootFs": 0}, None),
        ({"SizeRootFs": 9}, 0),
        ({"SizeRw": -1, "SizeRootFs": -1}, None),
        ({"SizeRw": -1, "SizeRootFs": 9}, None),
        ({"SizeRw": 5}, 5),
    ],
)
def test_a_size_is_known_or_absent(sizes: dict[str, int], writable: int | None) -> None:
    """Docker leaves 0 out where it looked, and says -1 where its driver failed."""
    one = msgspec.convert({"Id": "a"} | sizes, ListedContainer)

    assert one.writable == writable


@pytest.mark.parametrize("folder", IMAGES)
def test_recordings_keep_of_them_what_is_read(folder: str) -> None:
    """No address, label or proxy of a host goes to a file, and the numbers stay."""
    for path, name, kind in (
        ("/info", "info", Info),
        ("/system/df", "system-df", SystemDf),
        ("/containers/json", "containers-all-size", list[ListedContainer]),
    ):
        whole = reply(folder, name)
        kept = redacted(f"/v1.41{path}?size=1", 200, whole)
        assert msgspec.json.decode(kept, type=kind) == msgspec.json.decode(whole, type=kind)
        assert b"OperatingSystem" not in kept
        assert b"RepoTags" not in kept
    assert set(json.loads(redacted("/info", 200, reply(folder, "info")))) <= {
        *("ContainersRunning", "ContainersPaused", "ContainersStopped", "Images"),
        *("NCPU", "MemTotal", "Name", "DockerRootDir", "KernelVersion"),
    }
