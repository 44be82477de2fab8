"""A look at the machine each second, or less often while nobody wants each."""

import time
from collections.abc import Callable

from msgspec.structs import replace

from tidegauge.clock import Clock, next_beat
from tidegauge.host.frames import Host, HostSample
from tidegauge.host.proc import Proc
from tidegauge.streams import Outlet, Source

EVERY = 1.0
CALM_EVERY = 5.0
"""Seconds from look to look, and while nobody wants each."""


def _never() -> bool:
    return False


def looks(
    host: Host,
    proc: Proc,
    clock: Clock,
    process_cpu: Callable[[], int] = time.process_time_ns,
    *,
    version: str = "",
    calm: Callable[[], bool] = _never,
) -> Source[HostSample]:
    """One look at a machine each second, or while it is ``calm`` each five; and how late it was.

    Emits when: that time is over.
    Backpressures when: what follows does; looks that were missed are not made up for.
    Completes when: never.
    Fails when: never; what cannot be read is absent.
    """

    async def produce(outlet: Outlet[HostSample]) -> None:
        while True:
            every = CALM_EVERY if calm() else EVERY
            due = next_beat(clock.monotonic(), every)
            await clock.beat(every)
            late = max(0.0, clock.monotonic() - due)
            about = HostSample(host, late, process_cpu(), at=clock.now(), version=version)
            await outlet.send(look(about, proc))

    return Source("host", produce)


def look(about: HostSample, proc: Proc) -> HostSample:
    """The same, with what the machine says now."""
    cpu, cpus = proc.cpu()
    return replace(
        about,
        resident=proc.resident(),
        cpu=cpu,
        cpus=cpus,
        memory=proc.memory(),
        load=proc.load(),
    )
