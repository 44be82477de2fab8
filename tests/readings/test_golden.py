"""Recorded frames in, exact numbers out; and the same against a second implementation."""

import json
from pathlib import Path
from typing import Any

import pytest
import reference

from recorded import RECORDINGS, a_container, decode, intervals_of, streams
from tidegauge import readings
from tidegauge.docker.intervals import Interval
from tidegauge.readings import CpuReading, DiskReading, MemoryReading, NetworkReading, PidsReading

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path for path in GOLDEN.iterdir() if path.is_dir())

TIME_ERROR = 1e-5
"""Relative. Frames hold times to the microsecond, engines send nanoseconds."""


def _numbers(interval: Interval | None) -> dict[str, Any] | None:
    """All readings of an interval in the form of ``expected.json``."""
    if interval is None:
        return None
    return {
        "cpu": _cpu(readings.cpu(interval)),
        "memory": _memory(readings.memory(interval)),
        "network": _network(readings.network(interval)),
        "disk": _disk(readings.disk(interval)),
        "pids": _pids(readings.pids(interval)),
    }


def _cpu(reading: CpuReading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    held = reading.throttling
    return {
        "total": reading.total,
        "user": reading.user,
        "kernel": reading.kernel,
        "system": reading.system,
        "online": reading.online,
        "cores": None if reading.cores is None else pytest.approx(reading.cores, rel=TIME_ERROR),
        "throttling": held and [held.periods, held.throttled_periods, held.throttled_time],
    }


def _memory(reading: MemoryReading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    names = ("usage", "working_set", "limit", "max_usage", "cache", "rss")
    names += ("minor_faults", "major_faults", "at_limit", "out_of_memory")
    return {name: getattr(reading, name) for name in names}


def _network(reading: NetworkReading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {
        interface.name: [
            getattr(interface.stats, f"{way}_{what}")
            for way in ("rx", "tx")
            for what in ("bytes", "packets", "errors", "dropped")
        ]
        for interface in reading.interfaces
    }


def _disk(reading: DiskReading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {
        io.device: [io.read_bytes, io.write_bytes, io.reads, io.writes] for io in reading.devices
    }


def _pids(reading: PidsReading | None) -> dict[str, Any] | None:
    return reading and {"current": reading.current, "limit": reading.limit}


def _answers(lines: list[str], engine: str) -> list[dict[str, Any] | None]:
    return [_numbers(each) for each in intervals_of(map(decode, lines), a_container(engine))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_case(case: Path) -> None:
    """Each recorded case gives exactly the numbers written down beside it."""
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    lines = (case / "frames.ndjson").read_text(encoding="utf-8").splitlines()

    actual = _answers(lines, case.name)

    assert actual == expected


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recording_agrees_with_the_reference(path: Path) -> None:
    """Two implementations, one exact and slow, say the same of each line of each recording."""
    lines = path.read_text(encoding="utf-8").splitlines()
    engine = path.relative_to(RECORDINGS).parts[0]

    expected = reference.expected(lines, podman=engine.startswith("podman"))

    assert _answers(lines, engine) == expected


def test_cores_worked_by_hand() -> None:
    """The written numbers stand against ones taken by hand from the text of the frames.

    The first: 6421544965 - 6182558722 ns in 46.954667702 - 45.938429662 s. The last is what
    Podman says itself in ``cpu_stats.cpu``.
    """
    by_hand = {
        ("docker-20.10-throttled", 1): 238_986_243 / 1_016_238_040,
        ("docker-26.1-cgroup2-gap-of-24-s", 2): 6_533_395_000 / 23_782_877_970,
        ("docker-20.10-stop-and-start", 8): 5_472_867 / 1_003_524_404,
        ("podman-4.3-swapped-network", 1): 0.00575101333680418,
    }
    for (case, line), cores in by_hand.items():
        expected = json.loads((GOLDEN / case / "expected.json").read_text(encoding="utf-8"))

        assert expected[line]["cpu"]["cores"] == pytest.approx(cores, rel=1e-4)


def test_podman_agrees_with_its_own_percentage() -> None:
    """Podman sends the percentage ready made, from its own times: ours must not differ."""
    for case in ("podman-4.3-swapped-network", "podman-5.4-throttled"):
        lines = (GOLDEN / case / "frames.ndjson").read_text(encoding="utf-8").splitlines()
        some = intervals_of(map(decode, lines), a_container(case))

        for line, interval in zip(lines[1:], some[1:], strict=True):
            assert interval is not None
            reading = readings.cpu(interval)
            assert reading is not None
            assert reading.percent == pytest.approx(json.loads(line)["cpu_stats"]["cpu"], rel=2e-3)


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_microseconds_are_precise_enough(path: Path) -> None:
    """Rounding the engines' nanoseconds changes no rate by more than one part in 100 000."""
    lines = path.read_text(encoding="utf-8").splitlines()
    exact = [reference.nanoseconds(json.loads(line)["read"]) for line in lines]
    some = [decode(line) for line in lines]
    number = {frame.read: n for n, frame in enumerate(some)}
    for interval in intervals_of(some, a_container(path.parent.name)):
        if interval is None or interval.before is None:
            continue
        kept = interval.now.read - interval.before.read
        elapsed = exact[number[interval.now.read]] - exact[number[interval.before.read]]

        assert kept.total_seconds() == pytest.approx(elapsed / 10**9, rel=TIME_ERROR)
