"""Every recorded engine, replayed through the whole program, gives what its raw fields say."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from readings import reference
from recorded_engines import FOLDERS, as_recording, streams_of
from taped import Recorded, replayed
from tidegauge.metrics.catalogue import (
    AT_LIMIT,
    CPU_CAPACITY,
    CPU_PERIODS,
    CPU_THROTTLED_PERIODS,
    CPU_THROTTLED_TIME,
    CPU_TIME,
    CPU_USAGE,
    DISK_IO,
    DISK_OPERATIONS,
    MAJOR,
    MEMORY_CACHE,
    MEMORY_EFFECTIVE_LIMIT,
    MEMORY_FAILS,
    MEMORY_FAULTS,
    MEMORY_MAX_USAGE,
    MEMORY_PEAK,
    MEMORY_RSS,
    MEMORY_USAGE,
    MEMORY_WORKING_SET,
    MINOR,
    NETWORK_DROPPED,
    NETWORK_ERRORS,
    NETWORK_IO,
    NETWORK_PACKETS,
    OUT_OF_MEMORY,
    PIDS,
    PIDS_LIMIT,
    SAMPLES,
)

Lives = list[int | None]
Expected = dict[tuple[str, tuple[tuple[str, str], ...]], tuple[tuple[float, ...], float]]

WAYS = (("network.io.direction", "receive"), ("network.io.direction", "transmit"))
OPERATIONS = (("disk.io.direction", "read"), ("disk.io.direction", "write"))
MODES = {"total": (), "user": (("cpu.mode", "user"),), "kernel": (("cpu.mode", "system"),)}
EVENTS = {
    "minor_faults": (MEMORY_FAULTS, MINOR),
    "major_faults": (MEMORY_FAULTS, MAJOR),
    "at_limit": (MEMORY_FAILS, AT_LIMIT),
    "out_of_memory": (MEMORY_FAILS, OUT_OF_MEMORY),
}
NETWORK = (NETWORK_IO, NETWORK_PACKETS, NETWORK_ERRORS, NETWORK_DROPPED)
THROTTLING = (CPU_PERIODS, CPU_THROTTLED_PERIODS, CPU_THROTTLED_TIME)
CHECKED = {
    *(metric.name for metric in (*NETWORK, *THROTTLING, CPU_TIME, CPU_CAPACITY, CPU_USAGE)),
    *(
        metric.name
        for metric in (DISK_IO, DISK_OPERATIONS, PIDS, PIDS_LIMIT, MEMORY_EFFECTIVE_LIMIT)
    ),
    *(metric.name for metric in (MEMORY_USAGE, MEMORY_WORKING_SET, MEMORY_MAX_USAGE)),
    *(metric.name for metric in (MEMORY_CACHE, MEMORY_RSS, MEMORY_FAULTS, MEMORY_FAILS)),
    MEMORY_PEAK.name,
}


def lives_of(answers: list[dict[str, Any] | None]) -> tuple[Lives, set[int]]:
    """For each line the number of its life, and the lives whose start was seen.

    A start is seen behind empty frames, and where the CPU time fell.
    """
    lives: Lives = []
    born: set[int] = set()
    life, total, empty = 0, 0, False
    for answer in answers:
        if answer is None:
            empty = True
            lives.append(None)
            continue
        now = answer["cpu"]["total"] if answer["cpu"] else 0
        if empty or now < total:
            life += 1
            born.add(life)
        total, empty = now, False
        lives.append(life)
    return lives, born


def counted(
    values: Iterable[tuple[int | None, int | None]], born: set[int], known: set[int] = frozenset()
) -> tuple[tuple[int, ...], int] | None:
    """Increments and total of a counter, from its values and their lives."""
    added: list[int] = []
    total = before = life_before = None
    for value, life in values:
        if value is None or life is None:
            continue
        whole = life in born or life in known
        step = value if whole else None
        if life == life_before:
            step = max(0, value - before)
        total = (value if total is None else total) if step is None else (total or 0) + step
        added += [] if step is None else [step]
        before, life_before = value, life
    return (tuple(added), total) if added else None


class Stream:
    """What one recorded stream must lead to."""

    def __init__(self, lines: list[str], *, podman: bool) -> None:
        self.answers = reference.expected(lines, podman=podman)
        self.lives, self.born = lives_of(self.answers)

    def part(self, kind: str) -> list[Any]:
        return [answer and answer[kind] for answer in self.answers]

    def level(self, kind: str, field: str) -> tuple[float, ...]:
        found = [part[field] for part in self.part(kind) if part and part[field] is not None]
        return tuple(found)

    def counter(self, values: list[int | None], born: set[int] | None = None) -> Any:
        pairs = zip(values, self.lives, strict=True)
        return counted(pairs, self.born if born is None else born)

    def expected(self) -> Expected:
        """All series by metric and attributes: samples, and the last value."""
        found = {**self._levels(), **self._gauges()}
        parts = (*self._cpu(), *self._memory(), *self._network(), *self._disk())
        for metric, attributes, numbers in parts:
            if numbers is not None:
                found[metric.name, attributes] = numbers
        return found

    def _levels(self) -> Expected:
        levels = {
            MEMORY_USAGE: self.level("memory", "usage"),
            MEMORY_WORKING_SET: self.level("memory", "working_set"),
            MEMORY_CACHE: self.level("memory", "cache"),
            MEMORY_RSS: self.level("memory", "rss"),
            PIDS: self.level("pids", "current"),
            CPU_USAGE: self.level("cpu", "cores"),
        }
        return {(metric.name, ()): (all_, all_[-1]) for metric, all_ in levels.items() if all_}

    def _gauges(self) -> Expected:
        gauges = {
            MEMORY_EFFECTIVE_LIMIT: self.level("memory", "limit"),
            MEMORY_MAX_USAGE: self.level("memory", "max_usage"),
            PIDS_LIMIT: self.level("pids", "limit"),
            MEMORY_PEAK: self._peak(),
        }
        return {(metric.name, ()): (all_[-1:], all_[-1]) for metric, all_ in gauges.items() if all_}

    def _peak(self) -> tuple[float, ...]:
        """The highest usage of the last life in which there was any."""
        used = [
            (part["usage"], life)
            for part, life in zip(self.part("memory"), self.lives, strict=True)
            if part
        ]
        return (max(usage for usage, life in used if life == used[-1][1]),) if used else ()

    def _memory(self) -> Iterator[tuple[Any, Any, Any]]:
        parts = self.part("memory")
        for field, (metric, attribute) in EVENTS.items():
            numbers = self.counter([part and part[field] for part in parts])
            yield metric, (attribute,), numbers

    def _cpu(self) -> Iterator[tuple[Any, Any, Any]]:
        parts = self.part("cpu")
        for field, attributes in MODES.items():
            yield CPU_TIME, attributes, self.counter([part and part[field] for part in parts])
        capacity = [part and part["system"] for part in parts]
        yield CPU_CAPACITY, (), self.counter(capacity, set())
        for position, metric in enumerate(THROTTLING):
            held = [part and part["throttling"] and part["throttling"][position] for part in parts]
            yield metric, (), self.counter(held)

    def _network(self) -> Iterator[tuple[Any, Any, Any]]:
        columns = [(metric, way) for way in WAYS for metric in NETWORK]
        yield from self._parts("network", "network.interface.name", columns)

    def _disk(self) -> Iterator[tuple[Any, Any, Any]]:
        columns = [(metric, way) for metric in (DISK_IO, DISK_OPERATIONS) for way in OPERATIONS]
        yield from self._parts("disk", "system.device", columns)

    def _parts(self, kind: str, label: str, columns: Any) -> Iterator[tuple[Any, Any, Any]]:
        parts = self.part(kind)
        for name in dict.fromkeys(name for part in parts for name in part or ()):
            first = next(n for n, part in enumerate(parts) if part and name in part)
            # A part that comes while its container is watched began at zero.
            seen = {life for life, part in zip(self.lives[:first], parts, strict=False) if part}
            known = seen & {self.lives[first]}
            for position, (metric, way) in enumerate(columns):
                values = [part and name in part and part[name][position] for part in parts]
                clean = [None if value is False else value for value in values]
                numbers = counted(zip(clean, self.lives, strict=True), self.born, known)
                yield metric, (way, (label, name)), numbers


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def folder(request, tmp_path_factory):
    """A recorded engine and what the program recorded of it."""
    path = tmp_path_factory.mktemp("tape") / request.param.name
    return request.param, replayed(as_recording(request.param, path))


def of(recorded: Recorded, alias: str) -> Expected:
    return {
        (metric, attributes): numbers
        for (_, name, metric, attributes), numbers in recorded.items()
        if name == alias and metric in CHECKED and _is_part(metric, attributes)
    }


def _is_part(metric: str, attributes: tuple[tuple[str, str], ...]) -> bool:
    """Not a sum over interfaces or devices."""
    return not metric.startswith(("container.network", "container.disk")) or len(attributes) > 1


def test_all_folders_are_there():
    """Docker 20.10, 26.1 and 28.5 and two of Podman, with cgroup v1, v2, v2 without controllers."""
    assert len(FOLDERS) == 9


def test_numbers_follow_from_the_raw_fields(folder):
    """All series of all containers, sample by sample, and their totals."""
    path, played = folder
    podman = path.name.startswith("podman")

    for name, lines in streams_of(path).items():
        expected = Stream(lines, podman=podman).expected()
        actual = of(played.recorded, name)
        assert actual.keys() == expected.keys(), name
        for key, (samples, last) in expected.items():
            assert actual[key] == (
                pytest.approx(samples, rel=1e-5),
                pytest.approx(last, rel=1e-5),
            ), (name, key)


def test_every_sample_is_counted(folder):
    """As many as the stream has frames of a running container."""
    path, played = folder

    for name, lines in streams_of(path).items():
        running = sum(json.loads(line)["read"] != reference.NEVER for line in lines)
        samples, _ = played.recorded.get(("engine", name, SAMPLES.name, ()), ((), 0))
        assert sum(samples) == running, name


def test_nothing_impossible_is_recorded(folder):
    """Finite, not negative, below what the hosts of 2 CPUs have; and nothing went wrong."""
    _, played = folder

    for key, (samples, last) in played.recorded.items():
        for number in (*samples, last):
            assert math.isfinite(number), key
            assert 0 <= number < 2**63, (key, number)
        if key[2] == CPU_USAGE.name:
            assert max(samples) <= 2.02, key
    assert played.counts.keys() <= {"empty samples"}  # told, where no event says that one ended
    assert played.breaks_off == ""
