"""Network: cumulative counts per interface.

Interface errors are passed on as sent. Docker on Linux never fills them (libnetwork's
``osl/interface_linux.go``), so there they are always 0; the original dashboard asks for them.
"""

from msgspec import Struct, structs

from tidegauge.docker.frames import Container, Engine, NetworkStats
from tidegauge.docker.intervals import Interval, Life

PODMAN_4_SUM = "network"
"""Podman before 5 sends one entry of this name, seen from the host: rx and tx swapped."""


class InterfaceTraffic(Struct, frozen=True, gc=False):
    """One interface, seen from inside the container."""

    name: str
    stats: NetworkStats


class NetworkReading(Struct, frozen=True, gc=False):
    """All interfaces of a container, at the end of an interval."""

    container: Container
    life: Life
    interfaces: tuple[InterfaceTraffic, ...]


def network(interval: Interval) -> NetworkReading | None:
    """Traffic of a container; ``None`` with host networking or none, where it has no own."""
    networks = interval.now.networks
    if not networks:
        return None
    engine = interval.container.engine
    return NetworkReading(
        interval.container,
        interval.life,
        tuple(
            InterfaceTraffic(name, _swapped(stats) if _seen_from_host(engine, name) else stats)
            for name, stats in networks.items()
        ),
    )


def _seen_from_host(engine: Engine, name: str) -> bool:
    return engine.kind == "podman" and name == PODMAN_4_SUM


def _swapped(stats: NetworkStats) -> NetworkStats:
    sent = structs.asdict(stats)
    return NetworkStats(
        **{("tx" if name.startswith("rx") else "rx") + name[2:]: n for name, n in sent.items()}
    )
