"""One tick of many containers to StatsD packets, against one f-string for each sample."""

import asyncio
import random
from collections.abc import Sequence

from made_up import a_container, a_journal
from pairs import Measurement, Stopwatch

from tidegauge.exporters.naming import ORIGINALS
from tidegauge.exporters.statsd import StatsdExporter, StatsdOptions
from tidegauge.metrics import CATALOGUE, Metric, Number, Series, Snapshot

SAMPLES = 10


class _Nowhere:
    """A sender that sends nothing."""

    async def send(self, datagrams: Sequence[bytes]) -> None:
        """Take them."""

    def close(self) -> None:
        """Nothing to close."""


def measurements(quick: bool) -> list[Measurement]:
    """A whole snapshot, and the same for each of its series."""
    containers, rounds = 100, 2 if quick else 10
    snapshot = _snapshot(containers)
    series = len(snapshot.series)
    exporter = StatsdExporter(
        StatsdOptions(),
        hostname="web-1",
        several_engines=False,
        sender=_Nowhere(),
        journal=a_journal(),
    )
    exporter.encode(snapshot)  # gives the containers their names

    def ours() -> float:
        watch = Stopwatch()
        for _ in range(rounds):
            asyncio.run(exporter.send(exporter.encode(snapshot)))
        return watch.per(rounds) / 1000

    def naive() -> float:
        watch = Stopwatch()
        for _ in range(rounds):
            "\n".join(_lines(snapshot)).encode()
        return watch.per(rounds) / 1000

    what = f"{containers} containers x {series // containers} series x {SAMPLES}"
    return [
        Measurement(f"StatsD encode: {what}", "ms/snapshot", ours, naive, "ratio"),
        Measurement(
            "StatsD encode: of it, a series",
            "us/series",
            lambda: ours() * 1000 / series,
            lambda: naive() * 1000 / series,
            "ratio",
        ),
    ]


def _lines(snapshot: Snapshot) -> list[str]:
    lines: list[str] = []
    for series in snapshot.series:
        original = ORIGINALS[series.metric.name, series.attributes]
        key = f"kamon.web-1.{original.category}.{series.entity.alias}.{original.metric}"
        lines += [f"{key}:{(original.level or int)(sample)}|ms" for sample in series.samples]
    return lines


def _snapshot(containers: int) -> Snapshot:
    chance = random.Random(1)
    metrics = {metric.name: metric for metric in CATALOGUE}
    return Snapshot(
        10.0,
        tuple(
            Series(container, metrics[name], attributes, samples[-1], samples)
            for container in (a_container(number) for number in range(containers))
            for name, attributes in ORIGINALS
            for samples in [_samples(metrics[name], chance)]
        ),
        {},
    )


def _samples(metric: Metric, chance: random.Random) -> tuple[Number, ...]:
    """Shares below 1, and integers of which some come again."""
    if metric.unit == "{cpu}":
        return tuple(chance.random() for _ in range(SAMPLES))
    high = 10**9 if metric.unit in {"s", "By"} else 20
    return tuple(chance.choice((0, chance.randrange(high))) for _ in range(SAMPLES))
