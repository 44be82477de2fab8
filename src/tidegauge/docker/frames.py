"""What an engine sends, as typed values parsed once; only the fields that are used.

Source: the Engine API's ``GET /containers/{id}/stats``, ``/containers/json``, ``/events``.
Unknown fields are skipped by the decoder, absent and null ones become ``None``. All counts are
unsigned on the wire (up to 2^64-1); a negative one is garbage and refuses the whole frame.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

Count = Annotated[int, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]

Source = Literal["api", "cgroup"]
"""Where a frame came from: its engine's stats API, or the kernel's own files."""

UNLIMITED = 2**62
"""Limits at or above this mean "none": 2^63-4096 on cgroup v1, 2^64-1 for pids on v2."""


class CpuUsage(Struct, frozen=True, gc=False):
    """Cumulative CPU time of a container in nanoseconds."""

    total_usage: Count | None = None
    usage_in_kernelmode: Count | None = None
    usage_in_usermode: Count | None = None


class Throttling(Struct, frozen=True, gc=False):
    """CFS bandwidth control: periods counted, and nanoseconds held back."""

    periods: Count | None = None
    throttled_periods: Count | None = None
    throttled_time: Count | None = None
    bursts: Count | None = None
    burst_time: Count | None = None
    """Periods in which it used CPU time saved up before, and how much (never told by an API)."""


class CpuStats(Struct, frozen=True, gc=False):
    """``cpu_stats``; ``system_cpu_usage`` is the host's capacity in ns, all CPUs together."""

    cpu_usage: CpuUsage | None = None
    system_cpu_usage: Count | None = None
    online_cpus: Count | None = None
    throttling_data: Throttling | None = None


class MemoryDetail(Struct, frozen=True, gc=False):
    """``memory_stats.stats``: names with ``total_`` are cgroup v1's, ``anon``/``file`` are v2's."""

    total_inactive_file: Count | None = None
    total_cache: Count | None = None
    total_rss: Count | None = None
    total_pgfault: Count | None = None
    total_pgmajfault: Count | None = None
    inactive_file: Count | None = None
    file: Count | None = None
    anon: Count | None = None
    pgfault: Count | None = None
    pgmajfault: Count | None = None


class MemoryStats(Struct, frozen=True, gc=False):
    """``memory_stats`` in bytes; Docker leaves out a ``failcnt`` of 0."""

    usage: Count | None = None
    max_usage: Count | None = None
    limit: Count | None = None
    stats: MemoryDetail | None = None
    failcnt: Count | None = None
    swap: Count | None = None
    oom_kills: Count | None = None
    """Bytes swapped out, and processes killed for lack of memory (never told by an API)."""


class NetworkStats(Struct, frozen=True, gc=False):
    """Cumulative counts of one interface."""

    rx_bytes: Count | None = None
    rx_packets: Count | None = None
    rx_errors: Count | None = None
    rx_dropped: Count | None = None
    tx_bytes: Count | None = None
    tx_packets: Count | None = None
    tx_errors: Count | None = None
    tx_dropped: Count | None = None


class BlkioEntry(Struct, frozen=True, gc=False):
    """One cumulative number of one device and operation (``Read`` on v1, ``read`` on v2)."""

    major: Count | None = None
    minor: Count | None = None
    op: str | None = None
    value: Count | None = None


class BlkioStats(Struct, frozen=True, gc=False):
    """``blkio_stats``; ``None`` where the kernel or engine has no such list."""

    io_service_bytes_recursive: list[BlkioEntry] | None = None
    io_serviced_recursive: list[BlkioEntry] | None = None


class PidsStats(Struct, frozen=True, gc=False):
    """``pids_stats``: tasks (threads included) and their limit."""

    current: Count | None = None
    limit: Count | None = None


class Stall(Struct, frozen=True, gc=False):
    """Cumulative microseconds in which some, or all, tasks that could have run had to wait."""

    some: Count | None = None
    full: Count | None = None


class Pressure(Struct, frozen=True, gc=False):
    """Waiting for each resource (the kernel's pressure stall information)."""

    cpu: Stall | None = None
    memory: Stall | None = None
    io: Stall | None = None


class StatsFrame(Struct, frozen=True, gc=False):
    """One object of a stats stream. ``read`` is the engine's own clock, to the microsecond.

    ``precpu_stats`` is not decoded: rates are taken against the frame before, which survives
    gaps and engines that leave it zero (field: ``cpu_stats`` of the previous frame).
    """

    read: Moment
    cpu_stats: CpuStats | None = None
    memory_stats: MemoryStats | None = None
    networks: dict[str, NetworkStats | None] | None = None
    blkio_stats: BlkioStats | None = None
    pids_stats: PidsStats | None = None
    pressure: Pressure | None = field(default=None, name="_pressure")
    source: Source = field(default="api", name="_source")
    """Both are ours; no engine sends names like theirs. Neither has an API any pressure."""

    @property
    def running(self) -> bool:
        """False for the empty frames an engine sends for a container that does not run."""
        return self.read.year > 1


class Engine(Struct, frozen=True):
    """Who answered: our name for it, ``docker`` or ``podman``, and its version."""

    name: str
    kind: Literal["docker", "podman"] = "docker"
    version: str = ""


class Container(Struct, frozen=True):
    """A watched container under the name its series carry."""

    engine: Engine
    id: str
    name: str
    alias: str
    image: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    """Labels under the names the configuration gives them."""
    started_at: datetime | None = None
    """When it last started, by the engine's clock, if that is known: its counters began there."""
    network_of: str = ""
    """The id of the watched container whose network it shares, where its traffic is counted."""
    image_id: str = ""
    """The digest of its image, which stays while names of images move on."""
    created: int | None = None
    """When it was made, in Unix seconds of the engine's clock."""
    labels: tuple[tuple[str, str], ...] = ()
    """Those of its labels that are passed on as they are (`Choice.labels`)."""


class Sample(Struct, frozen=True, gc=False):
    """One frame of one container, and the line it was, if it came as one.

    ``asked_every`` so many seconds we ask for one; 0 where the engine sends them by itself.
    """

    container: Container
    frame: StatsFrame
    line: bytes = b""
    asked_every: float = 0.0


class Still(Struct, frozen=True, gc=False):
    """Samples of a container in each of which all is as in its last one.

    Only the times, ``reads``, are others, and what the machine's CPUs could have given by then, the
    ``capacities``. ``frame`` is that of the last sample that came alone.
    """

    container: Container
    frame: StatsFrame
    reads: tuple[datetime, ...]
    capacities: tuple[int, ...]
    asked_every: float

    @property
    def last(self) -> StatsFrame:
        """The frame of the last one."""
        return self._frame(self.reads[-1], self.capacities[-1])

    def halves(self) -> "tuple[Still, Still]":
        """Of two or more, the earlier ones and the later ones."""
        first = len(self.reads) // 2
        return (
            replace(self, reads=self.reads[:first], capacities=self.capacities[:first]),
            replace(self, reads=self.reads[first:], capacities=self.capacities[first:]),
        )

    def samples(self) -> Iterator[Sample]:
        """Each alone."""
        for frame in map(self._frame, self.reads, self.capacities):
            yield Sample(self.container, frame, asked_every=self.asked_every)

    def _frame(self, read: datetime, capacity: int) -> StatsFrame:
        cpu = self.frame.cpu_stats
        if cpu is not None:
            cpu = replace(cpu, system_cpu_usage=capacity)
        return replace(self.frame, read=read, cpu_stats=cpu)


class HostConfig(Struct, frozen=True):
    """``HostConfig`` of a container; Podman leaves it out of its lists.

    Lists have the network mode only. Bytes, microseconds of CPU, 10^-9 of a core.
    """

    network_mode: str = field(default="", name="NetworkMode")
    nano_cpus: int | None = field(default=None, name="NanoCpus")
    cpu_quota: int | None = field(default=None, name="CpuQuota")
    cpu_period: int | None = field(default=None, name="CpuPeriod")
    cpu_shares: int | None = field(default=None, name="CpuShares")
    cpuset_cpus: str | None = field(default=None, name="CpusetCpus")
    memory: int | None = field(default=None, name="Memory")
    memory_swap: int | None = field(default=None, name="MemorySwap")
    memory_reservation: int | None = field(default=None, name="MemoryReservation")
    pids_limit: int | None = field(default=None, name="PidsLimit")

    @property
    def network_of(self) -> str:
        """The id of the container whose network this one has instead of its own, or nothing."""
        kind, _, owner = self.network_mode.partition(":")
        return owner if kind == "container" else ""


class ListedContainer(Struct, frozen=True, rename={"id": "Id", "names": "Names"}):
    """An element of ``/containers/json``."""

    id: str
    names: list[str] | None = None
    image: Annotated[str | None, Meta()] = field(default=None, name="Image")
    state: str = field(default="", name="State")
    status: str = field(default="", name="Status")
    labels: dict[str, str] | None = field(default=None, name="Labels")
    host_config: HostConfig | None = field(default=None, name="HostConfig")
    image_id: str | None = field(default=None, name="ImageID")
    created: int | None = field(default=None, name="Created")
    size_rw: int | None = field(default=None, name="SizeRw")
    size_root: int | None = field(default=None, name="SizeRootFs")

    @property
    def writable(self) -> int | None:
        """Bytes in its own layer, if sizes were asked for.

        Engines leave out a size of 0, and give -1 for one they could not find out.
        """
        if self.size_rw is None:
            return 0 if self.size_root else None
        return self.size_rw if self.size_rw >= 0 else None

    @property
    def network_of(self) -> str:
        """The id of the container whose network it shares, or nothing."""
        return self.host_config.network_of if self.host_config else ""

    @property
    def name(self) -> str:
        """Without the leading slash; links add ``/a/b`` names, so the shortest is its own."""
        return min(self.names or [self.id[:12]], key=len).lstrip("/")


class Actor(Struct, frozen=True):
    """Whom an event is about."""

    id: str = field(default="", name="ID")
    attributes: dict[str, str] = field(default_factory=dict[str, str], name="Attributes")


class ContainerEvent(Struct, frozen=True):
    """An element of ``/events``; ``time_ns`` is the engine's clock in nanoseconds."""

    action: str = field(default="", name="Action")
    actor: Actor = field(default_factory=Actor, name="Actor")
    time_ns: Count = field(default=0, name="timeNano")
