"""Pure arithmetic: an interval in, a reading out; ``None`` where the engine has no such number.

Formulas and their sources are in each module; the golden vectors of ``tests/readings`` hold them.
"""

from tidegauge.readings.cpu import CpuReading, cpu
from tidegauge.readings.disk import DeviceIo, DiskReading, disk
from tidegauge.readings.kernel import KernelReading, kernel
from tidegauge.readings.memory import MemoryReading, memory
from tidegauge.readings.network import InterfaceTraffic, NetworkReading, network
from tidegauge.readings.pids import PidsReading, pids
from tidegauge.readings.time import ContinuityReading, UptimeReading, continuity, uptime

__all__ = [
    "ContinuityReading",
    "CpuReading",
    "DeviceIo",
    "DiskReading",
    "InterfaceTraffic",
    "KernelReading",
    "MemoryReading",
    "NetworkReading",
    "PidsReading",
    "UptimeReading",
    "continuity",
    "cpu",
    "disk",
    "kernel",
    "memory",
    "network",
    "pids",
    "uptime",
]
