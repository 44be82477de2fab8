"""One tick of many containers to InfluxDB's lines, against one f-string for each field."""

import random
from collections.abc import Iterator

from made_up import a_container, a_journal
from pairs import Measurement, Stopwatch

from tidegauge.clock import SystemClock
from tidegauge.exporters.delivery import Agent
from tidegauge.exporters.influxdb import InfluxdbOptions, influxdb
from tidegauge.metrics import CATALOGUE, Kind, Number, Series, Snapshot, summary

SAMPLES = 10


def measurements(quick: bool) -> list[Measurement]:
    """A whole snapshot with the distributions of its levels."""
    containers, rounds = 100, 2 if quick else 5
    snapshot = _snapshot(containers)
    agent = Agent("web-1", several_engines=False, clock=SystemClock(), journal=a_journal())
    exporter = influxdb(InfluxdbOptions(), agent)
    exporter.encode(snapshot)  # makes the tags

    def ours() -> float:
        watch = Stopwatch()
        for _ in range(rounds):
            exporter.encode(snapshot)
        return watch.per(rounds) / 1000

    def naive() -> float:
        watch = Stopwatch()
        for _ in range(rounds):
            "\n".join(_lines(snapshot)).encode()
        return watch.per(rounds) / 1000

    what = f"{containers} containers x {len(snapshot.series) // containers} series x {SAMPLES}"
    return [Measurement(f"InfluxDB encode: {what}", "ms/tick", ours, naive, "ratio")]


def _lines(snapshot: Snapshot) -> Iterator[str]:
    for series in snapshot.series:
        head = f"{series.metric.name},engine=local,container={series.entity.alias}"
        yield f"{head} value={series.last * series.metric.scale} 1700000000"
        if series.metric.kind is Kind.GAUGE and (found := summary(series.samples)):
            yield (
                f"{head} min={found.minimum},mean={found.mean},max={found.maximum},"
                f"p50={found.p50},p95={found.p95},p99={found.p99} 1700000000"
            )


def _snapshot(containers: int) -> Snapshot:
    chance = random.Random(1)
    metrics = [each for each in CATALOGUE if each.name.startswith("container.")][:40]
    return Snapshot(
        10.0,
        tuple(
            Series(a_container(number), metric, (), samples[-1], samples)
            for number in range(containers)
            for metric in metrics
            for samples in [_samples(chance)]
        ),
        {},
    )


def _samples(chance: random.Random) -> tuple[Number, ...]:
    return tuple(chance.randrange(10**9) for _ in range(SAMPLES))
