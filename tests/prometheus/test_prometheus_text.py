"""The pages: exact bytes, and what Prometheus' own parsers read is what was recorded."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from registries import GOLDEN, record, registry_of, running, seen_in

from manual_clock import ManualClock
from recorded import a_container, frames
from snapshots import a_journal
from tidegauge.docker.frames import Sample
from tidegauge.docker.lives import Condition
from tidegauge.metrics import Registry
from tidegauge.metrics.entities import Recorders
from tidegauge.prometheus.cadvisor import CadvisorNames
from tidegauge.prometheus.names import Family
from tidegauge.prometheus.own import OurNames
from tidegauge.prometheus.text import OPENMETRICS, SLICE, TEXT, Line, Page, accepted

LABELS = ("com.docker.compose.project", "com.docker.compose.service")
BURN = "docker-26.1.5-cgroup2/stats-stream-burn"
FORMATS = {"txt": TEXT, "openmetrics": OPENMETRICS}


def page_of(kind: str, registry: Registry, clock: ManualClock) -> Page:
    journal, _ = a_journal()
    names = OurNames(journal) if kind == "metrics" else CadvisorNames(LABELS, clock)
    return Page(names, registry, clock)


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str, content_type: str = TEXT) -> Samples:
    """Every sample of a page as a scraper reads it; none comes twice."""
    reader = parser if content_type == TEXT else openmetrics_parser
    samples = [
        ((sample.name, tuple(sorted(sample.labels.items()))), sample.value)
        for family in reader.text_string_to_metric_families(text)
        for sample in family.samples
    ]
    assert len(dict(samples)) == len(samples)
    return dict(samples)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("kind", ["metrics", "cadvisor"])
@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
async def test_golden(folder: Path, kind: str, ending: str) -> None:
    """What was recorded comes out as exactly these bytes."""
    clock = ManualClock()
    page = page_of(kind, await registry_of(seen_in(folder), clock), clock)

    expected = (folder / f"{kind}.{ending}").read_bytes()
    assert await page.render(FORMATS[ending]) == expected
    assert await page.render(FORMATS[ending]) == expected  # as kept from the first time


@pytest.mark.parametrize("kind", ["metrics", "cadvisor"])
@pytest.mark.parametrize("folder", GOLDEN, ids=lambda folder: folder.name)
def test_both_formats_say_the_same(folder: Path, kind: str) -> None:
    """And Prometheus' own parsers read both."""
    plain, openmetrics = (
        read((folder / f"{kind}.{ending}").read_text(encoding="utf-8"), content_type)
        for ending, content_type in FORMATS.items()
    )
    assert plain == openmetrics
    assert bool(plain) == (folder.name != "nothing")


@given(
    alias=st.text(min_size=1),
    image=st.text(),
    tags=st.dictionaries(st.text(), st.text(), max_size=4),
    label=st.text(),
)
def test_any_names_come_back(alias: str, image: str, tags: dict[str, str], label: str) -> None:
    """Whatever users call things, both parsers read it on both pages, in both formats."""
    labels = ((LABELS[0], label),)
    of = a_container(alias=alias, name=alias, image=image, tags=tuple(tags.items()), labels=labels)
    told = alias.encode("utf-8", "replace").decode().replace("\0", "\ufffd")

    async def pages() -> None:
        clock = ManualClock()
        registry = await registry_of(running(of, BURN, 2), clock)
        for kind, name in (("metrics", "container"), ("cadvisor", "name")):
            page = page_of(kind, registry, clock)
            found = [read((await page.render(x)).decode(), x) for x in (TEXT, OPENMETRICS)]
            assert found[0] == found[1]
            assert told in {dict(labels).get(name) for _, labels in found[0]}

    asyncio.run(pages())


class Level:
    """What a test sets."""

    def __init__(self, last: float | None) -> None:
        self.last = last


class Saying:
    """A vocabulary of given lines, for each entity the same; counts how often it is asked."""

    def __init__(self, *lines: Line) -> None:
        self.families = tuple(dict.fromkeys(line.family for line in lines))
        self._lines, self.asked = lines, 0

    def lines(self, recorders: Recorders, now: float) -> Iterator[Line]:
        self.asked += 1
        yield from self._lines


A, B = Family("a_total", "counter", "An a"), Family("b", "unknown", "A b")


def a_registry(containers: int = 1) -> Registry:
    registry = Registry({}, ManualClock())
    for number in range(containers):
        registry.condition(Condition(a_container(alias=f"c{number}"), "running"))
    return registry


@given(st.integers(0, 2**80))
def test_scaled_totals_are_the_nearest_number(nanoseconds: int) -> None:
    """Integers of nanoseconds come out as seconds, rounded once."""
    page = Page(Saying(Line(A, "", Level(nanoseconds), 10**9)), a_registry(), ManualClock())
    text = asyncio.run(page.render()).decode()
    assert Fraction(read(text)["a_total", ()]) == Fraction(float(Fraction(nanoseconds, 10**9)))


@given(st.one_of(st.integers(0, 2**63), st.floats(0, allow_infinity=False)))
def test_values_come_back(value: float) -> None:
    """Integers to their last digit, floats to their last bit."""
    page = Page(Saying(Line(A, 'x="%"', Level(value))), a_registry(), ManualClock())
    text = asyncio.run(page.render()).decode()
    assert text.splitlines()[-1] == f'a_total{{x="%"}} {value!r}'
    assert read(text)["a_total", (("x", "%"),)] == value


async def test_families_stand_together_in_their_order() -> None:
    """However many entities there are; each format names kinds its own way."""
    lines = (Line(A, "", Level(1)), Line(B, "", Level(2)))
    page = Page(Saying(*lines), a_registry(2 * SLICE + 1), ManualClock())

    several = 2 * SLICE + 1
    assert await page.render() == (
        b"# HELP a_total An a\n# TYPE a_total counter\n"
        + b"a_total{} 1\n" * several
        + b"# HELP b A b\n# TYPE b untyped\n"
        + b"b{} 2\n" * several
    )
    assert await page.render(OPENMETRICS) == (
        b"# HELP a An a\n# TYPE a counter\n"
        + b"a_total{} 1\n" * several
        + b"# HELP b A b\n# TYPE b unknown\n"
        + b"b{} 2\n" * several
        + b"# EOF\n"
    )


async def test_values_come_and_go_and_names_are_kept_meanwhile() -> None:
    """What has no value is not on the page; only a change of that asks for names again."""
    level, other = Level(None), Level(1)
    saying = Saying(Line(A, "", level), Line(B, "", other))
    page = Page(saying, a_registry(), ManualClock())

    async def shown() -> list[str]:
        lines = (await page.render()).decode().splitlines()
        return [line for line in lines if not line.startswith("#")]

    assert await shown() == ["b{} 1"]
    other.last = 2
    assert await shown() == ["b{} 2"]
    assert saying.asked == 1
    level.last = 0
    assert await shown() == ["a_total{} 0", "b{} 2"]
    level.last = 5
    assert await shown() == ["a_total{} 5", "b{} 2"]
    assert saying.asked == 2
    other.last = None
    assert await shown() == ["a_total{} 5"]


async def test_a_page_follows_what_becomes_of_a_container() -> None:
    """Counters go on, states change, what is silent or gone is not there any more."""
    clock = ManualClock()
    of = a_container(alias="web", tags=(("project", "shop"),))
    registry = await registry_of(running(of, BURN, 2), clock)
    page = page_of("metrics", registry, clock)

    async def value(name: str, **labels: str) -> float | None:
        found = read((await page.render()).decode())
        labels = {"engine": "e", "container": "web", "project": "shop"} | labels
        return found.get((name, tuple(sorted(labels.items()))))

    total = await value("container_cpu_time_seconds_total")
    assert total is not None
    await record(registry, [Sample(of, frames(BURN)[5])])
    assert await value("container_samples_total") == 3
    assert await value("container_state", state="running") == 1
    registry.condition(Condition(of, "paused"))
    assert await value("container_state", state="running") == 0
    assert await value("container_state", state="paused") == 1

    renamed = msgspec.structs.replace(of, tags=(("project", "other"),))
    registry.condition(Condition(renamed, "running"))
    assert await value("container_samples_total") is None
    assert await value("container_samples_total", project="other") == 3

    await clock.advance(31)
    assert await value("container_samples_total", project="other") == 3  # it is still there
    assert await value("container_cpu_time_seconds_total", project="other") is None
    registry.condition(Condition(renamed, "", gone=True))
    assert "container_" not in (await page.render()).decode()


async def test_several_may_ask_at_once() -> None:
    """Two scrapers, in two formats, while containers come: each gets a whole page."""
    registry, clock = a_registry(3 * SLICE), ManualClock()
    page = page_of("metrics", registry, clock)

    async def come() -> None:
        for number in range(20):
            registry.condition(Condition(a_container(alias=f"late{number}"), "running"))
            await asyncio.sleep(0)

    plain, openmetrics, _ = await asyncio.gather(page.render(), page.render(OPENMETRICS), come())
    assert read(plain.decode()) == read(openmetrics.decode(), OPENMETRICS)
    assert openmetrics.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", OPENMETRICS),
        (  # Prometheus 2.42
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1"
            ";q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPENMETRICS,
        ),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.4", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=x", TEXT),
        (";;,q=1;,", TEXT),
    ],
)
def test_the_format_is_what_the_scraper_likes_best(accept: str, expected: str) -> None:
    """OpenMetrics is for those who ask for it."""
    assert accepted(accept) == expected
