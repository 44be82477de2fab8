"""Which engines' containers may be read on this machine, without their engine."""

from pathlib import Path

from tidegauge.cgroups.listeners import listener_of
from tidegauge.cgroups.netlink import Netlink
from tidegauge.cgroups.reader import Reader
from tidegauge.clock import Clock
from tidegauge.config import EngineOptions
from tidegauge.docker.direct import Direct, Paces
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.journal import Journal

PROC = Path("/proc")


def direct_of(
    engine: EngineOptions, address: str, clock: Clock, journal: Journal, proc: Path = PROC
) -> Direct | None:
    """Reads containers of an engine at this address; ``None`` where its API is asked for all.

    Nothing is opened yet. An engine over the network is not looked for here unless that is wanted.
    """
    reader = reader_for(engine, address, clock, journal, proc)
    if reader is None:
        return None
    paces = Paces(engine.interval, tuple(engine.intervals.items()))
    return Direct(engine.name, reader, engine.source, paces=paces, clock=clock, journal=journal)


def reader_for(
    engine: EngineOptions, address: str, clock: Clock, journal: Journal, proc: Path = PROC
) -> Reader | None:
    """What `direct_of` reads with."""
    if engine.source == "api" or address.startswith("demo:"):
        return None
    socket = parse_endpoint(address).socket
    if socket is None and engine.source == "auto":
        return None
    return reader_of(engine.name, socket, clock, journal, proc)


def reader_of(
    name: str, socket: str | None, clock: Clock, journal: Journal, proc: Path = PROC
) -> Reader:
    """Reads containers of the engine on this socket."""

    def garbled(path: str) -> None:
        sentence = f"{path} is not as it should be; what it tells is left out."
        journal.trouble("cgroup file garbled", sentence, f"{name}: {path.rpartition('/')[2]}")

    return Reader(proc, clock, lambda: listener_of(socket) if socket else None, Netlink, garbled)
