"""What an engine has and what of a disk that takes: its replies, and what is seen in them.

Source: ``GET /info`` and ``/system/df`` of the Engine API. The latter has another shape from API
1.52 on, where totals come ready made. A size below 0 is the engine's word for an unknown one.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from tidegauge.docker.frames import Container, Engine, ListedContainer


class Info(Struct, frozen=True):
    """The reply of ``/info``."""

    running: int | None = field(default=None, name="ContainersRunning")
    paused: int | None = field(default=None, name="ContainersPaused")
    stopped: int | None = field(default=None, name="ContainersStopped")
    images: int | None = field(default=None, name="Images")
    cpus: int | None = field(default=None, name="NCPU")
    memory: int | None = field(default=None, name="MemTotal")
    host: str = field(default="", name="Name")
    root: str = field(default="", name="DockerRootDir")
    kernel: str = field(default="", name="KernelVersion")


class ImageUse(Struct, frozen=True):
    """An element of ``Images``."""

    size: int = field(default=0, name="Size")


class VolumeSize(Struct, frozen=True):
    """``UsageData`` of a volume; -1 where its driver cannot tell."""

    size: int = field(default=-1, name="Size")


class Volume(Struct, frozen=True):
    """An element of ``Volumes``, or of ``VolumeUsage.Items``."""

    name: str = field(default="", name="Name")
    mountpoint: str = field(default="", name="Mountpoint")
    usage: VolumeSize | None = field(default=None, name="UsageData")


class CacheRecord(Struct, frozen=True):
    """An element of ``BuildCache``; a shared one is counted with what it is shared with."""

    size: int = field(default=0, name="Size")
    shared: bool = field(default=False, name="Shared")


class Usage(Struct, frozen=True):
    """``ImageUsage`` and ``BuildCacheUsage``; zeros are left out."""

    total: int = field(default=0, name="TotalSize")


class VolumesUsage(Struct, frozen=True):
    """``VolumeUsage``; zeros are left out."""

    total: int = field(default=0, name="TotalSize")
    count: int = field(default=0, name="TotalCount")
    items: list[Volume] | None = field(default=None, name="Items")


class SystemDf(Struct, frozen=True):
    """The reply of ``/system/df``, in the shape before API 1.52 and in the one since."""

    layers: int | None = field(default=None, name="LayersSize")
    images: list[ImageUse] | None = field(default=None, name="Images")
    volumes: list[Volume] | None = field(default=None, name="Volumes")
    build_cache: list[CacheRecord] | None = field(default=None, name="BuildCache")
    builder: int | None = field(default=None, name="BuilderSize")
    image_usage: Usage | None = field(default=None, name="ImageUsage")
    volume_usage: VolumesUsage | None = field(default=None, name="VolumeUsage")
    build_cache_usage: Usage | None = field(default=None, name="BuildCacheUsage")

    @property
    def listed_volumes(self) -> list[Volume] | None:
        """The volumes one by one, if they are told."""
        return self.volume_usage.items if self.volume_usage else self.volumes


class Surveyed(Struct, frozen=True):
    """Anything that is asked for now and then, beside the samples."""


class Stock(Surveyed, frozen=True):
    """What an engine has, in numbers, and what its machine has (bytes of memory)."""

    engine: Engine
    containers: Mapping[str, int]
    """By state; ``stopped`` are all that are neither running nor paused."""
    images: int | None = None
    cpus: int | None = None
    memory: int | None = None
    host: str | None = None
    """The name its machine has, by which engines of one machine belong together."""


class DiskUse(Surveyed, frozen=True):
    """Bytes that an engine's images, volumes and build cache take; they stand for ``holds`` s."""

    engine: Engine
    images: int | None
    volumes: int | None
    """How many there are."""
    volumes_size: int | None
    volume_sizes: Mapping[str, int]
    build_cache: int | None
    holds: float


class ContainerSize(Surveyed, frozen=True):
    """Bytes a container wrote into its own layer; they stand for ``holds`` seconds.

    ``whole`` is with all it has of its image; Podman's is another number in each version.
    """

    container: Container
    writable: int
    holds: float
    whole: int | None = None


class FileSystem(Struct, frozen=True):
    """A file system under the path the engine knows it by, in bytes and inodes.

    ``available`` is what is left for users other than root. Some have no inodes to run out of.
    """

    mountpoint: str
    capacity: int
    usage: int
    available: int
    inodes: int | None = None
    inodes_used: int | None = None


class FileSystems(Surveyed, frozen=True):
    """Where an engine keeps its data: all that could be measured this time."""

    engine: Engine
    found: tuple[FileSystem, ...]


class EngineGone(Surveyed, frozen=True):
    """An engine was lost: nothing it said stands any more."""

    engine: Engine


def stock(engine: Engine, info: Info) -> Stock:
    """What ``/info`` says, without what it leaves out."""
    told = {"running": info.running, "paused": info.paused, "stopped": info.stopped}
    return Stock(
        engine,
        {state: count for state, count in told.items() if count is not None and count >= 0},
        _known(info.images),
        _known(info.cpus) or None,
        _known(info.memory) or None,
        info.host or None,
    )


def disk_use(engine: Engine, df: SystemDf, holds: float) -> DiskUse:
    """What ``/system/df`` says, without what the engine cannot know."""
    sizes = {
        volume.name: volume.usage.size
        for volume in df.listed_volumes or ()
        if volume.usage is not None and volume.usage.size >= 0
    }
    return DiskUse(
        engine,
        images=_images(df),
        volumes=_volumes(df),
        volumes_size=_volumes_size(df, sizes),
        volume_sizes=sizes,
        build_cache=_build_cache(df) if engine.kind == "docker" else None,  # Podman has none
        holds=holds,
    )


def container_sizes(
    listed: Iterable[ListedContainer], known: Mapping[str, Container], holds: float
) -> Iterable[ContainerSize]:
    """The layers of the containers that are watched."""
    for one in listed:
        container, size = known.get(one.id), one.writable
        if container is not None and size is not None:
            docker = container.engine.kind == "docker"
            yield ContainerSize(container, size, holds, _known(one.size_root) if docker else None)


def _known(number: int | None) -> int | None:
    return number if number is not None and number >= 0 else None


def _images(df: SystemDf) -> int | None:
    if df.image_usage is not None:
        return _known(df.image_usage.total)
    if not df.layers and any(image.size for image in df.images or ()):
        return None  # Podman 4 says 0, whatever there is
    return _known(df.layers)


def _volumes(df: SystemDf) -> int | None:
    if df.volume_usage is not None:
        return _known(df.volume_usage.count)
    return None if df.volumes is None else len(df.volumes)


def _volumes_size(df: SystemDf, sizes: Mapping[str, int]) -> int | None:
    if df.volume_usage is not None:
        return _known(df.volume_usage.total)
    return sum(sizes.values()) if sizes or df.volumes == [] else None


def _build_cache(df: SystemDf) -> int | None:
    if df.build_cache_usage is not None:
        return _known(df.build_cache_usage.total)
    if df.build_cache is None:
        return _known(df.builder)
    return sum(max(0, each.size) for each in df.build_cache if not each.shared)
