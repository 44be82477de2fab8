"""What goes into the history and comes out of it."""

from array import array
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

from tidegauge.metrics import Attributes, Identity


class Stored(Struct, frozen=True, array_like=True):
    """One series of a shape: a number of it times ``scale`` is in the catalogue's unit.

    Of a counter, rates are read; of anything else, levels.
    """

    metric: str
    attributes: Attributes
    counter: bool
    scale: float


Shape = tuple[Stored, ...]
"""The series of a row, in their order."""


class Row(Struct, frozen=True, gc=False):
    """All series of one entity at one moment: milliseconds of the engine's clock, and integers.

    ``values`` are as long as the shape, ``codec.ABSENT`` where there is none. Rows of one shape
    share the same tuple.
    """

    identity: Identity
    shape: Shape
    at: int
    values: "array[int]"


class Rows(Struct, frozen=True):
    """Rows of one entity and shape in order of time; ``values`` one after another."""

    identity: Identity
    shape: Shape
    times: "array[int]"
    values: "array[int]"

    def column(self, number: int) -> "array[int]":
        """What one series had."""
        return self.values[number :: len(self.shape)]


Fact = str | int | float | None


class Event(Struct, frozen=True):
    """Something that happened to an entity; ``at`` in milliseconds."""

    identity: Identity
    at: int
    kind: str
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])


class Known(Struct, frozen=True):
    """An entity the history has something of, in Unix seconds.

    ``facts`` of a container are its ``id``, ``name``, ``image``, ``image_id`` and, as ``tag:NAME``,
    its tags; of an engine its ``kind`` and ``version``. ``last`` is exact to a minute.
    """

    identity: Identity
    facts: Mapping[str, str]
    first: float
    last: float


class Points(Struct, frozen=True):
    """One series in buckets, in the catalogue's unit (a second, of a counter).

    All lists are as long as ``times`` (Unix seconds at which the buckets begin). ``None`` is where
    nothing is known; a gap of more than 30 seconds, or than a bucket, has one at its begin. Without
    a step the first point of a counter has none. ``p95`` of buckets that are joined from smaller
    ones is the greatest of theirs.
    """

    metric: str
    attributes: Attributes
    times: list[float]
    mean: list[float | None]
    least: list[float | None]
    greatest: list[float | None]
    p95: list[float | None]


class Query(Struct, frozen=True):
    """Series of one entity: some metrics, in a range of Unix seconds, by ``step`` seconds.

    A step of 0 asks for the samples themselves. Any other should be of whole seconds and, beyond
    10 s or a minute, a multiple of it. The buckets are those of which some part is in the range.
    What is not kept so fine any more comes in larger buckets.
    """

    identity: Identity
    metrics: tuple[str, ...]
    start: float
    stop: float
    step: float


class Extent(Struct, frozen=True):
    """Bytes of the file, and the Unix time of the oldest there is in it; ``None`` if unknown."""

    size: int | None
    oldest: float | None


class History(Protocol):
    """What the API and the dashboard read; they do not know where it is kept."""

    async def entities(self, start: float, stop: float) -> list[Known]:
        """All entities with something in a range; raises `HistoryError`."""
        ...

    async def series(self, query: Query) -> list[Points]:
        """The series of a query, those without a value left out; raises `HistoryError`."""
        ...

    async def events(self, start: float, stop: float) -> list[Event]:
        """All events in a range, oldest first; raises `HistoryError`."""
        ...

    async def extent(self) -> Extent:
        """How much there is; raises `HistoryError`."""
        ...
