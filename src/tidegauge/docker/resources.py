"""What a container may use, as it was told to its engine; ``None`` wherever there is no limit.

Source: ``HostConfig`` of an inspected container. Engines write 0, -1, nothing or a number near
2^63 for "no limit". Docker makes a quota of ``NanoCpus`` itself (``daemon/daemon_unix.go``), and
sends back 0 as the quota then.
"""

import re
from typing import Self

from msgspec import Struct

from tidegauge.docker.frames import UNLIMITED, HostConfig

USUAL_PERIOD = 100_000
"""Microseconds of a CPU quota's period where none is given: the kernel's own."""

_CPUS = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


class Resources(Struct, frozen=True):
    """Limits of a container: cores, microseconds, bytes, tasks.

    ``memory_swap`` is of memory and swap together. ``cpu_quota`` is the CPU time for each
    ``cpu_period``.
    """

    cpus: float | None = None
    cpu_quota: int | None = None
    cpu_period: int | None = None
    cpu_shares: int | None = None
    memory: int | None = None
    memory_swap: int | None = None
    memory_reservation: int | None = None
    pids: int | None = None

    @classmethod
    def of(cls, told: HostConfig) -> Self:
        """The limits in an engine's words, in ours."""
        period = _limit(told.cpu_period) or USUAL_PERIOD
        quota = _limit(told.cpu_quota)
        if nanocpus := _limit(told.nano_cpus):
            period = USUAL_PERIOD
            quota = _limit(nanocpus * period // 10**9)
        return cls(
            nanocpus / 1e9 if nanocpus else quota / period if quota else _cpus(told.cpuset_cpus),
            quota,
            period if quota else None,
            _limit(told.cpu_shares),
            _limit(told.memory),
            _limit(told.memory_swap),
            _limit(told.memory_reservation),
            _limit(told.pids_limit),
        )


def _limit(told: int | None) -> int | None:
    return told if told is not None and 0 < told < UNLIMITED else None


def _cpus(told: str | None) -> int | None:
    """How many CPUs a set such as ``0-2,7`` has; ``None`` of none, or of what is no such set."""
    found = [_CPUS.fullmatch(part.strip()) for part in (told or "").split(",")]
    if not all(found):
        return None
    spans = [range(int(each[1]), int(each[2] or each[1]) + 1) for each in found if each]
    return len({cpu for span in spans for cpu in span}) or None
