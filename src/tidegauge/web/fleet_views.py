"""What the API answers of the fleet, as typed values; the same rules as in `views`."""

from msgspec import Struct

from tidegauge.web.views import Number


class FleetHost(Struct, frozen=True, kw_only=True):
    """A host of the fleet; its sums are of the containers that its agents tell of, each once."""

    name: str
    silent: bool
    """Did no agent of it send for more than two intervals, and 15 s at least?"""
    seen: float
    """When the newest sample was, by the clock of history.prometheus."""
    agents: int
    """How many send: more than one are not added up."""
    version: str | None
    """Of Tidegauge."""
    interval: Number | None
    """Seconds from one sample to the next."""
    clock: Number | None
    """Seconds by which its clock is ahead of that of history.prometheus, where it can be told."""
    trouble: str | None
    """What is the matter with it, in a sentence."""
    engines: list[str]
    running: int | None
    """Containers that run."""
    cpu: Number | None
    """Cores that its containers use."""
    memory: Number | None
    """Working sets of its containers."""
    rx: Number | None
    tx: Number | None
    cpus: Number | None
    cpu_used: Number | None
    """Cores that anything on it uses."""
    memory_total: Number | None
    memory_available: Number | None


class FleetAnswer(Struct, frozen=True):
    """All hosts; what is the matter with the whole is in ``troubles``, a sentence each."""

    at: float
    hosts: list[FleetHost]
    troubles: list[str]


class FleetService(Struct, frozen=True):
    """A service over hosts; null for containers of no project or service."""

    project: str | None
    service: str | None
    replicas: int | None
    """Containers of it that run."""
    hosts: int | None
    """Hosts on which they run."""
    cpu: Number | None
    memory: Number | None
    rx: Number | None
    tx: Number | None


class FleetServices(Struct, frozen=True):
    """All services; ``left_out`` is how many more there are."""

    at: float
    services: list[FleetService]
    left_out: int


class FleetContainer(Struct, frozen=True):
    """A container of some host; its charts are those of its engine, its alias and its host."""

    host: str
    engine: str
    alias: str
    id: str | None
    name: str | None
    image: str | None
    project: str | None
    service: str | None
    state: str | None
    cpu: Number | None
    memory: Number | None
    rx: Number | None
    tx: Number | None


class FleetContainers(Struct, frozen=True):
    """Containers as they were at ``at``; ``left_out`` is how many more there are."""

    at: float
    containers: list[FleetContainer]
    left_out: int
