"""Names of families and labels: by the rules, for all of the catalogue, and for any tag."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorded import a_container
from snapshots import a_journal
from tidegauge.docker.frames import Engine
from tidegauge.host import Host
from tidegauge.metrics import CATALOGUE, Kind, Metric, catalogue, surroundings
from tidegauge.metrics.catalogue import READ, SYSTEM
from tidegauge.prometheus.names import (
    LABELS,
    RESERVED,
    EntityLabels,
    attribute_labels,
    bound_text,
    divisor,
    escaped,
    families,
    family,
    label_text,
    samples_family,
    tag_label,
)

NAME = re.compile(r"[a-z][a-z0-9_]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

each_metric = pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)


def labels(**tags: str) -> tuple[dict[str, str], list[str]]:
    """The labels of a container with these tags, and what was told of them."""
    journal, sentences = a_journal()
    container = a_container(alias="web", tags=tuple(tags.items()))
    return dict(EntityLabels(journal).of(container)), sentences


@pytest.mark.parametrize(
    ("metric", "attributes", "expected"),
    [
        (catalogue.CPU_TIME, (), "container_cpu_time_seconds_total"),
        (catalogue.CPU_TIME, (SYSTEM,), "container_cpu_mode_time_seconds_total"),
        (catalogue.CPU_USAGE, (), "container_cpu_usage"),
        (catalogue.MEMORY_UTILIZATION, (), "container_memory_limit_utilization_ratio"),
        (catalogue.NETWORK_IO, (), "container_network_io_bytes_total"),
        (catalogue.DISK_OPERATIONS, (READ,), "container_disk_operations_total"),
        (catalogue.PIDS, (), "container_pids"),
        (catalogue.RESTARTS, (), "container_restarts"),
        (catalogue.STATE, (), "container_state"),
        (surroundings.ENGINE_CPUS, (), "engine_cpus"),
        (surroundings.HOST_CPUS, (), "system_cpu_logical_cpus"),
        (surroundings.HOST_CPU_TIME, (SYSTEM,), "system_cpu_time_seconds_total"),
    ],
)
def test_families_are_named_by_the_rules(metric: Metric, attributes, expected: str) -> None:
    """Dots, units and kinds become what Prometheus' users expect."""
    found = family(metric, attributes)
    assert found is not None
    assert (found.name, found.kind) == (expected, metric.kind.value)


@pytest.mark.parametrize(
    "metric", [each for each in CATALOGUE if each.name.endswith(".sum")], ids=str
)
def test_sums_over_parts_have_no_family(metric: Metric) -> None:
    """PromQL sums parts; a sum beside them would be counted twice."""
    assert family(metric, ()) is None


def test_all_families_have_names_of_their_own() -> None:
    """Counters alone end in _total, nothing ends as parts of a histogram do."""
    names = Counter(each.name for each in families())
    assert set(names.values()) == {1}
    for each in families():
        assert NAME.fullmatch(each.name)
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert not each.name.endswith(("_count", "_sum", "_bucket", "_info_total"))
        assert each.help == each.help.strip()
        assert not set("\\\n") & set(each.help)


@each_metric
def test_every_row_of_the_catalogue_can_be_told(metric: Metric) -> None:
    """Its attributes have labels, all different; its scale is a whole divisor."""
    names = [name for name, _ in attribute_labels(tuple((key, "") for key in metric.attributes))]
    assert len({*names}) == len(names)
    assert {*names} <= RESERVED
    assert divisor(metric) * metric.scale == pytest.approx(1, rel=1e-12)
    assert (samples_family(metric) is None) == (not metric.bounds)
    if metric.bounds:  # they are written as they are
        assert metric.scale == 1
        assert metric.kind is Kind.GAUGE


def test_labels_of_attributes_are_all_in_use() -> None:
    """The table has what the catalogue has, and no more."""
    assert LABELS.keys() == {key for metric in CATALOGUE for key in metric.attributes}


def test_entities_say_who_they_are() -> None:
    """A container its engine, alias and tags; engines and machines their names."""
    journal, _ = a_journal()
    of = EntityLabels(journal).of

    assert labels(project="shop", service="web")[0] == {
        "engine": "e",
        "container": "web",
        "project": "shop",
        "service": "web",
    }
    assert of(Engine("local")) == (("engine", "local"),)
    assert of(Host("h1")) == (("host", "h1"),)


def test_tags_never_take_a_label_that_means_something_else() -> None:
    """Nor one that Prometheus keeps for itself, nor none at all."""
    tags = {"container": "1", "le": "2", "state": "3", "__name__": "4", "9": "5", "": "6"}
    found, sentences = labels(**tags)
    assert found == {
        "engine": "e",
        "container": "web",
        "tag_container": "1",
        "tag_le": "2",
        "tag_state": "3",
        "tag___name__": "4",
        "tag_9": "5",
        "tag_": "6",
    }
    assert sentences == []


def test_tags_that_come_to_one_label_are_joined_and_told_once() -> None:
    """In the order of their names, whatever the order they come in."""
    journal, sentences = a_journal()
    of = EntityLabels(journal).of
    for tags in ((("a.b", "1"), ("a-b", "2")), (("a-b", "2"), ("a.b", "1"))):
        assert dict(of(a_container(tags=tags)))["a_b"] == "2;1"
    assert sentences == [
        'the tag "a.b" and another one both come to the Prometheus label "a_b", where their values'
        " are joined by ;. Name one of them otherwise in [labels]."
    ]


@given(st.dictionaries(st.text(), st.text(), max_size=8))
def test_any_tags_give_labels_that_prometheus_takes(tags: dict[str, str]) -> None:
    """Valid names, each once, and none of them reserved."""
    found, _ = labels(**tags)
    assert all(LABEL.fullmatch(name) and not name.startswith("__") for name in found)
    assert {"engine", "container"} <= found.keys()
    assert {tag_label(tag) for tag in tags} == found.keys() - {"engine", "container"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain ü 😀", "plain ü 😀"),
        ('a"b\\c\nd', 'a\\"b\\\\c\\nd'),
        ("half \ud800 a character", "half ? a character"),
        ("nul \0", "nul \ufffd"),
    ],
)
def test_values_are_escaped(value: str, expected: str) -> None:
    """Backslash, quote and newline; what is no text is replaced."""
    assert escaped(value) == expected
    assert label_text((("a", value), ("b", ""))) == f'a="{expected}",b=""'


def test_bounds_are_floats() -> None:
    """As OpenMetrics wants them, which other scrapers take as well."""
    assert [bound_text(bound) for bound in (0.01, 1, 2**30, float("inf"))] == [
        "0.01",
        "1.0",
        "1073741824.0",
        "+Inf",
    ]
