"""One stats stream of the simulated engine, in the bytes of Docker 26 on cgroup v2."""

from tidegauge.simulation.engine import Instance, SimulatedEngine
from tidegauge.simulation.incidents import Condition
from tidegauge.simulation.messages import NEVER, Document, moment, written
from tidegauge.simulation.model import Usage

UNLIMITED = 2**64 - 1
"""So the kernel writes that there is no limit of tasks."""

DEVICE = {"major": 259, "minor": 0}
CPU_TICK_NS = 10_000_000

_NOT_COUNTED: Document = {
    "io_serviced_recursive": None,
    "io_queue_recursive": None,
    "io_service_time_recursive": None,
    "io_wait_time_recursive": None,
    "io_merged_recursive": None,
    "io_time_recursive": None,
    "sectors_recursive": None,
}
_NO_CPU: Document = {
    "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
    "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
}
_STILL: Document = dict.fromkeys(
    (
        *("active_anon", "active_file", "anon", "anon_thp", "file", "file_dirty", "file_mapped"),
        *("file_writeback", "inactive_anon", "inactive_file", "kernel_stack", "pgactivate"),
        *("pgdeactivate", "pgfault", "pglazyfree", "pglazyfreed", "pgmajfault", "pgrefill"),
        *("pgscan", "pgsteal", "shmem", "slab", "slab_reclaimable", "slab_unreclaimable", "sock"),
        *("thp_collapse_alloc", "thp_fault_alloc", "unevictable", "workingset_activate"),
        *("workingset_nodereclaim", "workingset_refault"),
    ),
    0,
)
"""The kernel's names in the order in which Docker sends them."""


class Samples:
    """The samples of one stream: each tells again what the one before it was."""

    def __init__(self, engine: SimulatedEngine, instance: Instance) -> None:
        self._engine, self._instance = engine, instance
        self._read, self._cpu = NEVER, _NO_CPU

    def take(self, now: Condition, time: float) -> bytes:
        """The sample of a moment; an empty one of what does not run."""
        read, cpu, numbers = NEVER, _NO_CPU, _EMPTY
        if now.lives:
            usage = self._engine.usage(self._instance, now, time)
            read, cpu = moment(time), _cpu(self._engine, usage, time)
            numbers = self._numbers(usage)
        sample = {
            "read": read,
            "preread": self._read,
            "pids_stats": numbers["pids_stats"],
            "blkio_stats": numbers["blkio_stats"],
            "num_procs": 0,
            "storage_stats": {},
            "cpu_stats": cpu,
            "precpu_stats": self._cpu,
            "memory_stats": numbers["memory_stats"],
            "name": f"/{self._instance.name}",
            "id": self._instance.identity(now),
        }
        if networks := numbers.get("networks"):
            sample["networks"] = networks
        self._read, self._cpu = read, cpu
        return written(sample)

    def _numbers(self, usage: Usage) -> Document:
        service = self._instance.service
        counted = usage.read or usage.written
        return {
            "pids_stats": {"current": usage.tasks, "limit": service.pids_limit or UNLIMITED},
            "blkio_stats": {
                "io_service_bytes_recursive": _blocks(usage) if counted else None,
                **_NOT_COUNTED,
            },
            "memory_stats": {
                "usage": usage.memory,
                "stats": _memory(usage),
                "limit": service.memory_limit or self._engine.memory,
            },
            "networks": _networks(service.interfaces, usage),
        }


_EMPTY: Document = {
    "pids_stats": {},
    "blkio_stats": {"io_service_bytes_recursive": None, **_NOT_COUNTED},
    "memory_stats": {},
}


def _cpu(engine: SimulatedEngine, usage: Usage, time: float) -> Document:
    capacity = int((time - engine.booted) * engine.cpus * 1e9)
    return {
        "cpu_usage": {
            "total_usage": usage.cpu,
            "usage_in_kernelmode": usage.kernel,
            "usage_in_usermode": usage.cpu - usage.kernel,
        },
        "system_cpu_usage": capacity - capacity % CPU_TICK_NS,
        "online_cpus": engine.cpus,
        "throttling_data": {
            "periods": usage.periods,
            "throttled_periods": usage.throttled_periods,
            "throttled_time": usage.throttled,
        },
    }


def _memory(usage: Usage) -> Document:
    active = usage.file - usage.inactive_file
    reclaimable = usage.slab // 2
    return _STILL | {
        "active_anon": usage.anon,
        "active_file": active,
        "anon": usage.anon,
        "file": usage.file,
        "file_mapped": active // 2,
        "inactive_file": usage.inactive_file,
        "kernel_stack": usage.tasks * 16384,
        "pgfault": usage.faults,
        "pgmajfault": usage.major_faults,
        "slab": usage.slab,
        "slab_reclaimable": reclaimable,
        "slab_unreclaimable": usage.slab - reclaimable,
    }


def _blocks(usage: Usage) -> list[Document]:
    return [
        {**DEVICE, "op": "read", "value": usage.read},
        {**DEVICE, "op": "write", "value": usage.written},
    ]


def _networks(interfaces: tuple[str, ...], usage: Usage) -> Document:
    """The traffic, in equal parts over the interfaces."""
    count = len(interfaces)
    return {
        name: {
            "rx_bytes": (usage.received + place) // count,
            "rx_packets": (usage.packets_received + place) // count,
            "rx_errors": 0,
            "rx_dropped": 0,
            "tx_bytes": (usage.sent + place) // count,
            "tx_packets": (usage.packets_sent + place) // count,
            "tx_errors": 0,
            "tx_dropped": 0,
        }
        for place, name in enumerate(interfaces)
    }
