"""Instruments of what stands as long as a container does: what it is, and what it may use.

Its engine is asked for that now and then, not with each sample.
"""

from collections.abc import Callable, Iterator, Mapping

from tidegauge.docker.frames import Container
from tidegauge.docker.resources import Resources
from tidegauge.metrics import catalogue
from tidegauge.metrics.instruments import Gauge, Instrument, Number
from tidegauge.metrics.metric import Metric
from tidegauge.metrics.snapshot import Attributes

Levels = Mapping[Metric, Number | None]


def cpu_limits(resources: Resources) -> Levels:
    """What it may use of CPU."""
    return {
        catalogue.CPU_LIMIT: resources.cpus,
        catalogue.CPU_QUOTA: resources.cpu_quota,
        catalogue.CPU_PERIOD: resources.cpu_period,
        catalogue.CPU_SHARES: resources.cpu_shares,
    }


def memory_limits(resources: Resources) -> Levels:
    """What it may use of memory."""
    return {
        catalogue.MEMORY_LIMIT: resources.memory,
        catalogue.MEMORY_RESERVATION: resources.memory_reservation,
        catalogue.MEMORY_SWAP_LIMIT: resources.memory_swap,
    }


class LimitsRecorder:
    """The levels of one kind of resource, as the engine last said; no limit is no level."""

    def __init__(self, levels: Callable[[Resources], Levels]) -> None:
        self._levels = levels
        self._gauges = {metric: Gauge() for metric in levels(Resources())}

    def record(self, resources: Resources | None) -> None:
        """Take what it may use; ``None`` when that is not known any more."""
        for metric, level in self._levels(resources or Resources()).items():
            self._gauges[metric].put(level)

    def repeat(self) -> None:
        """Tell all levels in this tick too."""
        for gauge in self._gauges.values():
            gauge.repeat()

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name."""
        for metric, gauge in self._gauges.items():
            yield metric, (), gauge


class AboutRecorder:
    """Which container it is now, and since when."""

    def __init__(self) -> None:
        self._attributes: Attributes = ()
        self._info, self._started, self._created = Gauge(), Gauge(), Gauge()

    def record(self, container: Container | None) -> None:
        """Take what is known of it; ``None`` when nothing is any more."""
        self._info.put(None if container is None else 1)
        self._started.put(None if container is None else _started(container))
        self._created.put(None if container is None else container.created)
        if container is not None:
            self._attributes = _info(container)

    def series(self) -> Iterator[tuple[Metric, Attributes, Instrument]]:
        """Each instrument under its name."""
        yield catalogue.INFO, self._attributes, self._info
        yield catalogue.STARTED, (), self._started
        yield catalogue.CREATED, (), self._created


def _started(container: Container) -> float | None:
    at = container.started_at
    return None if at is None or at.year == 1 else at.timestamp()


def _info(container: Container) -> Attributes:
    values = (
        *(container.id, container.name, container.image, container.image_id),
        *(container.engine.kind, container.engine.version),
    )
    known = zip(catalogue.INFO.attributes, values, strict=True)
    return tuple((key, value) for key, value in known if value)
