"""Prometheus' names for what the catalogue has: families, labels, and how their values are written.

Source: OpenTelemetry's "Prometheus and OpenMetrics Compatibility": dots become underscores, the
unit is appended, counters end in ``_total``. Ours: a gauge that counts things ends in their name,
for promtool refuses ``_count`` there; sums over parts have no family, because PromQL sums parts
itself; and CPU time by mode is a family of its own, so that no sum over a family counts anything
twice.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from tidegauge.docker.frames import Container, Engine
from tidegauge.journal import Journal
from tidegauge.metrics import CATALOGUE, Attributes, Entity, Kind, Metric, catalogue

FamilyKind = Literal["counter", "gauge", "histogram", "unknown"]

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order they are written; no name comes twice."""


Takes = Callable[[Entity, Metric], bool]
"""Is a metric of an entity on a page?"""


def everything(_entity: Entity, _metric: Metric) -> bool:
    """Whatever there is."""
    return True


class Family(Struct, frozen=True):
    """All series of one name; a counter's ends in ``_total``."""

    name: str
    kind: FamilyKind
    help: str


LABELS: Mapping[str, str] = {
    "container.health": "health",
    "container.id": "id",
    "container.image.id": "image_id",
    "container.image.name": "image",
    "container.name": "name",
    "container.runtime.name": "runtime",
    "container.runtime.version": "runtime_version",
    "container.state": "state",
    "cpu.mode": "mode",
    "disk.io.direction": "direction",
    "event.code": "code",
    "exit.code": "exit_code",
    "memory.fail.reason": "reason",
    "network.interface.name": "interface",
    "network.io.direction": "direction",
    "system.device": "device",
    "system.filesystem.mountpoint": "mountpoint",
    "system.memory.state": "state",
    "system.paging.fault.type": "type",
    "system.paging.state": "state",
    "tidegauge.sampling": "sampling",
    "tidegauge.version": "tidegauge_version",
    "volume.name": "volume",
}
"""The label of each attribute of the catalogue."""

RESERVED = frozenset({"engine", "container", "host", "le", *LABELS.values()})
"""Labels that have a meaning of their own; a tag of such a name is written ``tag_<name>``."""

CLASH = "label clash"

_UNITS = {"s": "_seconds", "By": "_bytes"}
_UNSAFE = re.compile(r"[^a-zA-Z0-9_]")
_AWKWARD = re.compile(r'[\\"\n\0]')
_WRITTEN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\0": "\ufffd"}


def family(metric: Metric, attributes: Attributes) -> Family | None:
    """The family of a series; ``None`` of a sum over parts, which Prometheus is not given."""
    return _family(metric, any(key == "cpu.mode" for key, _ in attributes))


@lru_cache(maxsize=1000)
def _family(metric: Metric, of_mode: bool) -> Family | None:
    if metric.name.endswith(".sum"):
        return None
    by_mode = of_mode and metric.name == catalogue.CPU_TIME.name
    name = "container.cpu.mode.time" if by_mode else metric.name
    told = f"{metric.help}, by mode" if by_mode else metric.help
    return Family(_named(name, metric), metric.kind.value, told)


@lru_cache(maxsize=1000)
def samples_family(metric: Metric) -> Family | None:
    """The family of the distribution of a metric's samples, if it has ``bounds``."""
    if not metric.bounds:
        return None
    told = f"{metric.help} (all one-second samples)"
    return Family(f"{_named(metric.name, metric)}_samples", "histogram", told)


def _named(name: str, metric: Metric) -> str:
    name = label_name(name)
    if metric.kind is Kind.GAUGE and name.endswith("_count"):
        counted, name = metric.unit.strip("{}"), name.removesuffix("_count")
        name = f"{name.removesuffix('s').removesuffix(counted).rstrip('_')}_{counted}s"
    unit = _UNITS.get(metric.unit, "")
    if metric.unit == "1" and name.endswith("_utilization"):
        unit = "_ratio"
    return name + unit + ("_total" if metric.kind is Kind.COUNTER else "")


def families(metrics: Iterable[Metric] = CATALOGUE) -> tuple[Family, ...]:
    """Every family there can be, in the order of the catalogue; histograms follow their gauge."""
    by_mode: Attributes = (catalogue.USER,)
    return tuple(
        dict.fromkeys(
            each
            for metric in metrics
            for each in (family(metric, ()), family(metric, by_mode), samples_family(metric))
            if each is not None
        )
    )


def divisor(metric: Metric) -> int:
    """What an instrument's integers are divided by to be in the published unit."""
    return round(1 / metric.scale)


def attribute_labels(attributes: Attributes) -> Labels:
    """The labels of a series beside those of its entity."""
    return tuple((LABELS[key], value) for key, value in attributes)


class EntityLabels:
    """Labels of entities: who they are, then their tags; a clash of two tags is told once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of(self, entity: Entity) -> Labels:
        """The labels that all series of an entity have; tags are in the order of their names.

        Tags that come to one label are joined by ``;``, as OpenTelemetry has it.
        """
        if isinstance(entity, Engine):
            return (("engine", entity.name),)
        if not isinstance(entity, Container):
            return (("host", entity.name),)
        tags: dict[str, str] = {}
        for tag, value in sorted(entity.tags):
            label = tag_label(tag)
            if label in tags:
                self._tell(tag, label)
            tags[label] = f"{tags[label]};{value}" if label in tags else value
        return (("engine", entity.engine.name), ("container", entity.alias), *sorted(tags.items()))

    def _tell(self, tag: str, label: str) -> None:
        self._journal.trouble(
            CLASH,
            f'the tag "{tag}" and another one both come to the Prometheus label "{label}", where'
            " their values are joined by ;. Name one of them otherwise in [labels].",
            tag,
        )


def label_name(text: str) -> str:
    """Any text with nothing in it that no name of Prometheus has."""
    return _UNSAFE.sub("_", text)


def tag_label(tag: str) -> str:
    """A tag's name as Prometheus takes it, with none that means something else there."""
    label = label_name(tag)
    if not label or label[0].isdigit() or label.startswith("__") or label in RESERVED:
        return f"tag_{label}"
    return label


def label_text(labels: Labels) -> str:
    """Labels as both text formats write them, without the braces."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels)


def escaped(value: str) -> str:
    """A label's value or a help text as it stands between quotes; what is no text becomes ``?``."""
    text = _AWKWARD.sub(lambda found: _WRITTEN[found[0]], value)
    return text.encode("utf-8", "replace").decode()


def bound_text(bound: float) -> str:
    """An upper bound of a histogram as the label ``le`` has it: ``0.25``, ``4194304.0``."""
    return "+Inf" if math.isinf(bound) else repr(float(bound))
