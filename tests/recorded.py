"""Recorded streams of real engines, and the small things every test of numbers makes."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tidegauge.docker.frames import Container, Engine, Sample, StatsFrame
from tidegauge.docker.intervals import Interval, Intervals

RECORDINGS = Path(__file__).parent / "recordings"

decode = msgspec.json.Decoder(StatsFrame).decode


def streams() -> list[Path]:
    """Every recorded stats stream."""
    return sorted(path for path in RECORDINGS.glob("*/*.ndjson") if "actions" not in path.name)


def lines(recording: str) -> list[str]:
    """The raw objects of one stream, named ``folder/file`` without ending."""
    return (RECORDINGS / f"{recording}.ndjson").read_text(encoding="utf-8").splitlines()


def frames(recording: str) -> list[StatsFrame]:
    """The decoded objects of one stream."""
    return [decode(line) for line in lines(recording)]


def a_container(engine: str = "docker", **fields: object) -> Container:
    """A container on an engine whose folder or case name begins with its kind."""
    kind = "podman" if engine.startswith("podman") else "docker"
    known = {"engine": Engine("e", kind), "id": "c0", "name": "web", "alias": "web"}
    return msgspec.convert(known | fields, Container)


def intervals_of(
    some: Iterable[StatsFrame], container: Container, dropped: Counter[str] | None = None
) -> list[Interval | None]:
    """What one `Intervals` makes of the frames of one container."""
    counts: Counter[str] = Counter() if dropped is None else dropped
    intervals = Intervals(lambda reason: counts.update([reason]))
    return [intervals(Sample(container, frame)) for frame in some]
