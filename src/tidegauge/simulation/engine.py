"""The simulated engine: its containers at any time, and what happens to them between two times."""

import hashlib
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from tidegauge.docker.endpoint import Simulated
from tidegauge.simulation.incidents import Condition, Step, happened
from tidegauge.simulation.model import Load, Usage
from tidegauge.simulation.services import GIB, SERVICES, Service

CPUS_PER_SET, MEMORY_PER_SET = 8, 16 * GIB
"""The machine is as large as its containers need."""

DAY = 86_400

ROLLING = 12.0
"""Seconds by which each replica is behind the one before, in its load and in a deployment."""

APART = 137.0
"""Seconds by which each further set of containers is behind."""


class Instance(Struct, frozen=True, dict=True):
    """One name that containers of the engine have, one after another; ``lag`` is in seconds."""

    service: Service
    project: str
    number: int
    name: str
    lag: float
    seed: int
    base: Condition | None
    """What it was before anything happened; ``None`` where containers come and go."""

    def condition(self, time: float) -> Condition | None:
        """What the container of this name is at a time; ``None`` when there is none."""
        past = [now for _, _, now in self._story(time)]
        return past[-1] if past else self.base

    def incidents(self, after: float, until: float) -> Iterator["Incident"]:
        """What happens between two times, the last of them included."""
        before = self.base
        for at, step, now in self._story(until, until - after):
            condition, before = now or before, now
            if at > after and condition is not None:
                yield Incident(at, self, step, condition)

    def _story(
        self, until: float, seconds: float = 0.0
    ) -> Iterator[tuple[float, Step, Condition | None]]:
        """So much of the past that what it leads to is known, and what each step leads to."""
        now, cycle = self.base, self.service.cycle
        if cycle is not None:
            cycles = 2 + int(seconds // cycle.period)
            for number, at, step in cycle.until(until, self.lag, cycles):
                now = happened(now, cycle, number, at, step)
                yield at, step, now

    def identity(self, condition: Condition) -> str:
        """The container's id."""
        return _digest(f"{self.seed}/{self.name}/{condition.generation}")

    @cached_property
    def phase(self) -> float:
        """The part of each second at which the engine looks at it."""
        return int(_digest(self.name)[:4], 16) / 0x10000


class Incident(Struct, frozen=True):
    """An event: when, of which container, and what that is then, or was before its end."""

    at: float
    instance: Instance
    step: Step
    condition: Condition


class SimulatedEngine:
    """All containers of one engine; what is long there was made before the day of ``now``."""

    def __init__(self, wanted: Simulated, now: float) -> None:
        self._seed = wanted.seed
        self.sets = -(-wanted.containers // len(_SET))
        self.memory = self.sets * MEMORY_PER_SET
        self.cpus = self.sets * CPUS_PER_SET
        self.booted = now - now % DAY - 70 * DAY
        self._loads = {each.name: Load(each, self._seed, self.memory) for each in SERVICES}
        places = (divmod(number, len(_SET)) for number in range(wanted.containers))
        self.instances = tuple(self._instance(at, *_SET[place], now) for at, place in places)

    def condition_of(self, key: str, time: float) -> tuple[Instance, Condition] | None:
        """The container with this name or id, or the beginning of it."""
        for instance in self.instances:
            now = instance.condition(time)
            if now and (instance.name == key or instance.identity(now).startswith(key)):
                return instance, now
        return None

    def conditions(self, time: float) -> Iterator[tuple[Instance, Condition]]:
        """All containers there are at a time."""
        for instance in self.instances:
            if now := instance.condition(time):
                yield instance, now

    def usage(self, instance: Instance, condition: Condition, time: float) -> Usage:
        """What a running container has used since its start."""
        lag, started = instance.lag, condition.started or time
        return self._loads[instance.service.name].usage(started - lag, time - lag)

    def cores(self, instance: Instance, time: float) -> float:
        """How much CPU an instance uses while it runs."""
        return self._loads[instance.service.name].cores(time - instance.lag)

    def incidents(self, after: float, until: float) -> list[Incident]:
        """What happens between two times, the last of them included; oldest first."""
        found = [each for one in self.instances for each in one.incidents(after, until)]
        return sorted(found, key=lambda each: each.at)

    def _instance(self, copy: int, service: Service, number: int, now: float) -> Instance:
        project = service.project + (f"-{copy + 1}" if copy and service.project else "")
        name = f"{project}-{service.name}-{number}" if project else service.name
        if copy and not project:
            name += f"_{copy + 1}"
        lag = (number - 1) * ROLLING + copy * APART
        return Instance(service, project, number, name, lag, self._seed, _base(service, now))


def _base(service: Service, now: float) -> Condition | None:
    """Of yesterday or before; ``None`` for what is made anew again and again."""
    if service.cycle and any(step.action == "create" for step in service.cycle.steps):
        return None
    made = now - now % DAY - service.days * DAY
    if service.exited is not None:
        return Condition(0, made, "exited", made + 0.6, made + 14.2, service.exited)
    return Condition(0, made, "running", made + 0.6)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_SET: tuple[tuple[Service, int], ...] = tuple(
    (service, number) for service in SERVICES for number in range(1, service.replicas + 1)
)
