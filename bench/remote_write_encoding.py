"""One flush of many containers to a remote write request, against one made anew every time."""

import struct

import cramjam
from made_up import a_container, a_journal
from pairs import Measurement, Stopwatch

from tidegauge.clock import SystemClock
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.remote_write import RemoteWriteOptions, joined, remote_write
from tidegauge.metrics import CATALOGUE, Series, Snapshot
from tidegauge.prometheus.names import family


def measurements(quick: bool) -> list[Measurement]:
    """A whole snapshot of 1000 x 40 series, and one of ten times fewer in a short run."""
    containers, metrics = (100 if quick else 1000), 40
    series = _series(containers, metrics)
    agent = Agent("web-1", several_engines=False, clock=SystemClock(), journal=a_journal())
    exporter = remote_write(RemoteWriteOptions(), agent)
    clock = iter(range(1, 10**9))
    joined(exporter.encode(Snapshot(0.0, series, {})))  # makes the labels

    def ours() -> float:
        watch = Stopwatch()
        joined(exporter.encode(Snapshot(float(next(clock)), series, {})))
        return watch.per(1) / 1000

    def naive() -> float:
        watch = Stopwatch()
        message = b"".join(_message(each, 1_795_357_373_000) for each in series)
        cramjam.snappy.compress_raw(message)
        return watch.per(1) / 1000

    what = f"{containers} containers x {metrics} series"
    return [Measurement(f"remote write encode: {what}", "ms/flush", ours, naive, "ratio")]


def _series(containers: int, metrics: int) -> tuple[Series, ...]:
    named = [metric for metric in CATALOGUE if family(metric, ())]
    return tuple(
        Series(
            a_container(number),
            named[at % len(named)],
            (("system.device", str(at // len(named))),) if at >= len(named) else (),
            at * 1000 + number,
            (1,),
        )
        for number in range(containers)
        for at in range(metrics)
    )


def _message(series: Series, at: int) -> bytes:
    labels = {
        "__name__": series.metric.name.replace(".", "_"),
        "host": "web-1",
        "engine": "local",
        "container": series.entity.name,
        **dict(series.attributes),
    }
    pairs = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(labels.items())
    )
    value = struct.pack("<d", series.last * series.metric.scale)
    return _field(1, pairs + _field(2, b"\x09" + value + b"\x10" + _varint(at)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    digits = b""
    while number > 127:
        digits += bytes([number & 127 | 128])
        number >>= 7
    return digits + bytes([number])
