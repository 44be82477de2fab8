"""Containers to which everything happens that can, as samples and states of them."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from recorded import a_container, decode, lines
from tidegauge.docker.frames import Pressure, Sample, Stall, StatsFrame, Still, Throttling
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize

KINDS = ["docker-20.10.24-cgroup1/lifecycle-stream", "docker-26.1.5-cgroup2/stats-stream-burn"]
ALLOWED = Resources(cpus=1.5, memory=2**28)
LESS = Resources(cpus=0.5, memory=2**27)
WEB = a_container(started_at=datetime(2026, 1, 1, tzinfo=UTC))
START = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)

LOOK = "somebody looks"

Seen = Sample | Still | Condition | LifeEvent | ContainerSize | float | str
"""What comes, the seconds that pass, and when somebody looks."""


class World:
    """Three containers to which everything happens that can, by the throw of dice."""

    def __init__(self, dice: Random, *, direct: bool) -> None:
        self._dice, self.seen, self._direct = dice, list[Seen](), direct
        self._told: dict[str, StatsFrame] = {}
        self._frame = json.loads(lines(KINDS[1])[1])
        self._containers = [replace(WEB, id=str(n) * 64, alias=f"c{n}") for n in range(3)]
        self._used, self._at, self._every = [10**9] * 3, START, 0.0
        self._parts: list[dict[str, int]] = [{}, {}, {}]
        self._operations = True
        for each in self._containers:
            self.seen.append(Condition(each, "running", resources=ALLOWED))

    def pass_by(self) -> None:
        """A second or some, and a sample of most."""
        seconds = self._dice.choice([1.0, 1.0, 1.0, 1.0, 2.0, 2.5, 0.6, 5.0, 40.0])
        self._at += timedelta(seconds=seconds)
        self.seen.append(seconds)
        self._happens()
        for number in range(3):
            if self._dice.random() < 0.6:
                self._used[number] += int(seconds * 1e8)
            if self._dice.random() < 0.9:
                self._sample(number)
        if self._dice.random() < 0.3:
            self._stand_still(self._dice.randrange(3))
        if self._dice.random() < 0.15:
            self.seen.append(LOOK)

    def _happens(self) -> None:
        number = self._dice.randrange(3)
        parts, container = self._parts[number], self._containers[number]
        match self._dice.randrange(25):
            case 0:
                self._used[number] = 1000
                parts.clear()
                self._become(number, started_at=self._at - timedelta(seconds=0.3))
                self.seen.append(LifeEvent(self._containers[number], "die", self._at, exit_code=1))
            case 1 | 2:
                parts[self._dice.choice(["eth0", "eth1", "8:0", "8:16"])] = 0
            case 3 if parts:
                del parts[next(iter(parts))]
            case 4:
                self._operations = not self._operations
            case 5:
                self._become(number, network_of="" if container.network_of else "z")
            case 6:
                self.seen.append(Condition(container, "", gone=True))
                self._used[number] = 5000
                self._become(number, id=self._dice.choice("abcdef") * 64)
            case 7:
                self.seen.append(Condition(container, "renamed", gone=True))
                self._become(number, alias=f"c{number}{self._dice.choice('xy')}")
            case 8:
                state = self._dice.choice(["exited", "running"])
                limits = self._dice.choice([None, ALLOWED, LESS])
                self.seen.append(Condition(container, state, resources=limits))
            case 9:
                self._every = self._dice.choice([0.0, 2.0, 5.0])
            case _:
                pass

    def _become(self, number: int, **changes: Any) -> None:
        self._containers[number] = new = replace(self._containers[number], **changes)
        self.seen.append(Condition(new, "running", resources=ALLOWED))

    def _sample(self, number: int) -> None:
        frame = json.loads(json.dumps(self._frame))
        frame["read"] = self._at.isoformat().replace("+00:00", "Z")
        frame["cpu_stats"]["cpu_usage"]["total_usage"] = self._used[number]
        parts = self._parts[number]
        for name in parts:
            parts[name] += self._dice.choice([0, 10, 100])
        counts = ("rx_bytes", "rx_packets", "rx_errors", "rx_dropped")
        counts += ("tx_bytes", "tx_packets", "tx_errors", "tx_dropped")
        frame["networks"] = {
            name: dict.fromkeys(counts, count) for name, count in parts.items() if name[0] == "e"
        }
        entries = [
            {"major": 8, "minor": int(name[2:]), "op": op, "value": count}
            for name, count in parts.items()
            if name[0] == "8"
            for op in ("read", "write")
        ]
        frame["blkio_stats"]["io_service_bytes_recursive"] = entries
        frame["blkio_stats"]["io_serviced_recursive"] = entries if self._operations else None
        if self._dice.random() < 0.03:
            del frame["memory_stats"]["usage"]
        line, container = json.dumps(frame).encode(), self._containers[number]
        if not self._direct:
            told = self._told[container.id] = decode(line)
            self.seen.append(Sample(container, told, line, self._every))
            return
        found = self._by_the_kernel(decode(line), self._told.get(container.id))
        self._told[container.id] = found
        self.seen.append(Sample(container, found, asked_every=self._every or 1.0))

    def _stand_still(self, number: int) -> None:
        """Nothing moves for some samples, and mostly they are in time."""
        frame = self._told.get(self._containers[number].id)
        cpu = frame and frame.cpu_stats
        if frame is None or cpu is None or cpu.system_cpu_usage is None:
            return
        every = self._every or (1.0 if self._direct else 0.0)
        reads, capacities, usual = list[datetime](), list[int](), every or 1.0
        at, capacity = frame.read, cpu.system_cpu_usage
        for _ in range(self._dice.randrange(1, 12)):
            step = self._dice.choice([*[usual] * 30, 0.04, 2.6 * usual])
            at, capacity = at + timedelta(seconds=step), capacity + self._dice.choice([10**9, 0])
            reads.append(at)
            capacities.append(capacity)
        passed = (reads[-1] - self._at).total_seconds()
        if passed > 0:
            self._at = reads[-1]
            self.seen.append(passed)
        container = self._containers[number]
        self.seen.append(Still(container, frame, tuple(reads), tuple(capacities), every))

    def _by_the_kernel(self, frame: StatsFrame, before: StatsFrame | None) -> StatsFrame:
        """As it is read directly: what did not change is the same object."""
        cpu, memory = frame.cpu_stats, frame.memory_stats
        assert cpu is not None
        assert memory is not None
        stall = Stall(len(self.seen), None if self._dice.random() < 0.01 else 3)
        pressure = Pressure(stall, Stall(1, 1), self._dice.choice([None, *[Stall(2, 2)] * 9]))
        bursts = replace(cpu.throttling_data or Throttling(), bursts=1, burst_time=5)
        swap = self._dice.choice([0, 4096, *[None] * 9])
        kept = replace(memory, swap=swap, oom_kills=1, failcnt=self._dice.choice([3, 3, 3, None]))
        found = replace(
            frame,
            source="cgroup",
            pressure=pressure,
            memory_stats=kept,
            cpu_stats=replace(cpu, throttling_data=bursts),
        )
        if before is None or self._dice.random() < 0.1:
            return found
        still = self._dice.random() < 0.7
        same = {
            name: getattr(before, name)
            for name in ("memory_stats", "networks", "blkio_stats", "pids_stats", "pressure")
            if still or getattr(before, name) == getattr(found, name)
        }
        earlier, now = before.cpu_stats, found.cpu_stats
        assert earlier is not None
        assert now is not None
        usage = earlier.cpu_usage if earlier.cpu_usage == now.cpu_usage else now.cpu_usage
        shared = replace(now, cpu_usage=usage, throttling_data=earlier.throttling_data)
        return replace(found, cpu_stats=shared, **same)
