"""A page of many containers for Prometheus, against prometheus_client's page of the same series.

Both begin with instruments that hold values. The values are of a recorded stream.
"""

import asyncio
import gzip

from made_up import StandingClock, a_journal
from pairs import Measurement, Stopwatch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from recorded_registry import recorded

from tidegauge.metrics import Registry
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import Page

TARGET, COMPRESSED_TARGET = 0.05, 0.10


def measurements(quick: bool) -> list[Measurement]:
    """The page, and the page compressed as it is sent."""
    containers = 100 if quick else 1000
    page = Page(OurNames(a_journal()), asyncio.run(_registry(containers)), StandingClock())
    text = asyncio.run(page.render()).decode()
    size = len(text.encode())
    theirs = _client(text)
    series = text.count("\n") - text.count("\n#")

    def ours() -> float:
        watch = Stopwatch()
        asyncio.run(_rendered(page, size))
        return watch.per(1) / 1000

    def compressed() -> float:
        watch = Stopwatch()
        asyncio.run(_compressed(page, size))
        return watch.per(1) / 1000

    def baseline() -> float:
        watch = Stopwatch()
        generate_latest(theirs)
        return watch.per(1) / 1000

    what = f"T11 /metrics: {containers} containers x {series // containers} lines"
    return [
        Measurement(what, "ms/page", ours, baseline, "ratio", TARGET),
        Measurement(
            f"{what}, compressed", "ms/page", compressed, baseline, "ratio", COMPRESSED_TARGET
        ),
    ]


async def _rendered(page: Page, size: int) -> None:
    """Return nothing: asyncio would write out a result of megabytes to describe the task."""
    await _whole(page, size)


async def _compressed(page: Page, size: int) -> None:
    gzip.compress(await _whole(page, size), 1)


async def _whole(page: Page, size: int) -> bytes:
    """A page on which something is missing would be a quick one."""
    text = await page.render()
    if len(text) != size:
        raise ValueError(f"a page has {len(text)} bytes instead of {size}")
    return text


async def _registry(containers: int) -> Registry:
    """Collected once, as between two ticks."""
    registry = await recorded(containers)
    registry.collect(0.0)
    return registry


def _client(text: str) -> CollectorRegistry:
    """The series of a page as prometheus_client's instruments."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(text):
        _instrument(family, registry)
    return registry


def _instrument(family: Metric, registry: CollectorRegistry) -> None:
    names = [name for name in family.samples[0].labels if name != "le"]
    if family.type == "histogram":
        bounds = [each.labels["le"] for each in family.samples if "le" in each.labels]
        buckets = sorted({float(bound) for bound in bounds})
        histogram = Histogram(
            family.name, family.documentation, names, registry=registry, buckets=buckets
        )
        for each in family.samples:
            if each.name.endswith("_count"):
                histogram.labels(**each.labels).observe(1.0)
        return
    kind = Counter if family.type == "counter" else Gauge
    instrument = kind(family.name, family.documentation, names, registry=registry)
    for each in family.samples:
        child = instrument.labels(**each.labels)
        child.inc(each.value)
