"""A machine, and what its kernel says of it at one moment."""

from collections.abc import Mapping

from msgspec import Struct


class Host(Struct, frozen=True):
    """A machine under the name its series carry, ``agent.hostname``."""

    name: str


class HostMemory(Struct, frozen=True):
    """``/proc/meminfo`` in bytes; ``cached`` is what can be given up of it, buffers apart."""

    total: int
    free: int
    buffers: int
    cached: int
    available: int | None
    swap_total: int
    swap_free: int

    @property
    def used(self) -> int:
        """The rest: the four of them are the total."""
        return max(0, self.total - self.free - self.buffers - self.cached)


class HostSample(Struct, frozen=True, gc=False):
    """One look at a machine, and at this process; ``None`` is what it does not tell.

    ``cpu`` is the time of all CPUs in each mode since the machine started, and ``process_cpu``
    that of this process, in nanoseconds. ``resident`` is this process' memory in bytes. ``late``
    is how many seconds after its time the look came: the event loop was busy. ``at`` is its clock
    in Unix seconds, ``version`` that of this program.
    """

    host: Host
    late: float
    process_cpu: int
    resident: int | None = None
    cpu: Mapping[str, int] | None = None
    cpus: int | None = None
    memory: HostMemory | None = None
    load: tuple[float, float, float] | None = None
    at: float | None = None
    version: str = ""
