"""A look at the machine each second."""

import time
from collections.abc import Callable

from msgspec.structs import replace

from tidegauge.clock import Clock, next_beat
from tidegauge.host.frames import Host, HostSample
from tidegauge.host.proc import Proc
from tidegauge.streams import Outlet, Source

EVERY = 1.0


def looks(
    host: Host,
    proc: Proc,
    clock: Clock,
    process_cpu: Callable[[], int] = time.process_time_ns,
    version: str = "",
) -> Source[HostSample]:
    """One look at a machine each second, and how late it was.

    Emits when: the second is over.
    Backpressures when: what follows does; looks that were missed are not made up for.
    Completes when: never.
    Fails when: never; what cannot be read is absent.
    """

    async def produce(outlet: Outlet[HostSample]) -> None:
        while True:
            due = next_beat(clock.monotonic(), EVERY)
            await clock.beat(EVERY)
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
