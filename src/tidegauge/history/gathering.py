"""Rows on their way to the file: each as it came for the next commit, and by entity for a block."""

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tidegauge.clock import Clock
from tidegauge.history.codec import ABSENT
from tidegauge.history.rows import Row, Rows, Shape
from tidegauge.history.store import POINTS
from tidegauge.metrics import Identity

T = TypeVar("T")

SEAL_SECONDS = 900.0
"""How long points of an entity wait for their block to be full: as long, all commits are kept."""

WAITING_ROWS = 20_000
WAITING_OF_EACH = 30
"""Rows not committed yet, in all or of each entity, whichever is more: where nothing moves some
come at once. Beyond them the oldest waits for its block only. Where ten thousand containers move
and a disk takes nothing, these are some 130 MB."""

WAITING_VALUES = 3_000_000
"""Of blocks not written yet, 24 MB: a quarter of an hour of 100 containers. The oldest goes."""

AHEAD_MS = 86_400_000
"""A row from further in the future is of a clock that is wrong."""


def done(queue: deque[T], items: Iterable[T]) -> None:
    """Take the oldest items out of a queue, of which some may have been dropped meanwhile."""
    for item in items:
        if queue and queue[0] is item:
            queue.popleft()


class _Buffer:
    """Points of one entity that are in no block yet.

    ``commit`` is the first commit that may have any of them; ``begun`` is monotonic.
    """

    __slots__ = ("begun", "commit", "newest", "shape", "size", "times", "values")

    def __init__(self, shape: Shape, size: int, newest: int, begun: float) -> None:
        self.shape, self.size, self.newest, self.begun = shape, size, newest, begun
        self.commit = 0
        self.times, self.values = array("q"), array("q")

    def rows(self, identity: Identity) -> Rows:
        """What it has, not copied."""
        return Rows(identity, self.shape, self.times, self.values)

    def widen(self, shape: Shape) -> bool:
        """Go on with more series, of which so far there was nothing; false if some would go.

        It takes some 100 us, where two blocks instead of one take the thread's 800.
        """
        width = len(self.shape)
        if shape[:width] != self.shape:
            return False
        before, self.values = self.values, array("q")
        nothing = array("q", [ABSENT]) * (len(shape) - width)
        for begin in range(0, len(before), width):
            self.values += before[begin : begin + width] + nothing
        self.shape = shape
        return True


class Gathering:
    """``refused`` is told of rows that are out of time, ``dropped`` how many rows are lost."""

    def __init__(
        self,
        clock: Clock,
        refused: Callable[[Identity], None],
        dropped: Callable[[int], None],
    ) -> None:
        self._clock, self._refused, self._dropped = clock, refused, dropped
        self._buffers: dict[Identity, _Buffer] = {}
        self._next_size = self._values = 0
        self._tomorrow = 0.0
        self.commit = 1
        """The number of the next commit."""
        self.rows: deque[Row] = deque()
        self.sealed: deque[Rows] = deque()

    def several(self, rows: Sequence[Row]) -> bool:
        """Keep rows of an entity and shape, in order of time; false if the last is out of time.

        Where nothing moved they have the same values, and are kept together once the first is.
        """
        first, *others = rows
        kept = self.row(first)
        if kept and others and self._have_room(first, others):
            self._extend(self._buffers[first.identity], others)
            return True
        return [kept, *map(self.row, others)][-1]

    def _have_room(self, kept: Row, others: Sequence[Row]) -> bool:
        """Can these go behind the first one as they are, into its block and with its values?"""
        times, last = self._buffers[kept.identity].times, others[-1]
        same = kept.values is last.values and last.at <= self._tomorrow
        # No times: the first one has filled the block before.
        return same and 0 < len(times) < self._buffers[kept.identity].size - len(others)

    def row(self, row: Row) -> bool:
        """Keep one row; false if it is out of time: older than the last, or of tomorrow."""
        buffer, at = self._buffers.get(row.identity), row.at
        tomorrow = at > self._tomorrow and self._is_of_tomorrow(at)
        if tomorrow or (buffer is not None and at <= buffer.newest):
            self._refused(row.identity)
            return False
        if buffer is None:
            buffer = self._begin(row)
        elif buffer.shape is not row.shape and not buffer.widen(row.shape):
            buffer = self._seal(row.identity, row.shape)
        if self._append(buffer, row) >= buffer.size:
            self._seal(row.identity, row.shape)
        return True

    def unsealed(self, identity: Identity) -> list[Rows]:
        """An entity's rows that are in no block yet, in order of time; they do not change later."""
        found = [rows for rows in self.sealed if rows.identity == identity]
        buffer = self._buffers.get(identity)
        if buffer is not None and buffer.times:
            found.append(Rows(identity, buffer.shape, buffer.times[:], buffer.values[:]))
        return found

    def newest(self) -> Iterable[tuple[Identity, int]]:
        """Milliseconds of the newest row of each entity."""
        return ((who, buffer.newest) for who, buffer in self._buffers.items())

    @property
    def keep_from(self) -> int:
        """The first commit with rows that are neither in blocks nor sealed."""
        commits = (buffer.commit for buffer in self._buffers.values() if buffer.times)
        return min(commits, default=self.commit + 1)

    def seal_old(self, *, all_of_them: bool = False) -> list[Identity]:
        """Seal what waited for long; whose buffer was empty for as long is forgotten, and told."""
        now = self._clock.monotonic()
        idle: list[Identity] = []
        for who, buffer in [*self._buffers.items()]:
            if all_of_them or now - buffer.begun >= SEAL_SECONDS:
                if buffer.times:
                    self._seal(who, buffer.shape)
                else:
                    del self._buffers[who]
                    idle.append(who)
        return idle

    def written(self, rows: Iterable[Row]) -> None:
        """These, the oldest, were committed."""
        done(self.rows, rows)
        self.commit += 1

    def stored(self, blocks: Sequence[Rows]) -> None:
        """These, the oldest, are in the file."""
        before = len(self.sealed)
        done(self.sealed, blocks)
        if len(self.sealed) < before:
            self._values = sum(len(rows.values) for rows in self.sealed)

    def clear(self) -> None:
        """Forget all."""
        self._buffers.clear()
        self.rows.clear()
        self.sealed.clear()
        self._values = 0

    def _is_of_tomorrow(self, at: int) -> bool:
        """The clock is only asked when it was so at the last time it was."""
        self._tomorrow = self._clock.now() * 1000 + AHEAD_MS
        return at > self._tomorrow

    def _begin(self, row: Row) -> _Buffer:
        """A buffer that begins with a hole: what counters did before us is not known."""
        # The first block of each is shorter by another share, so that they end apart.
        self._next_size = (self._next_size + 97) % (POINTS // 2)
        buffer = _Buffer(row.shape, POINTS - self._next_size, row.at - 2, self._clock.monotonic())
        self._buffers[row.identity] = buffer
        hole = array("q", [ABSENT]) * len(row.shape)
        self._append(buffer, Row(row.identity, row.shape, row.at - 1, hole))
        return buffer

    def _append(self, buffer: _Buffer, row: Row) -> int:
        """How many points it has then."""
        times = buffer.times
        if not times:
            buffer.commit, buffer.begun = self.commit, self._clock.monotonic()
        self._extend(buffer, [row])
        return len(times)

    def _extend(self, buffer: _Buffer, rows: Sequence[Row]) -> None:
        """Rows of the same values."""
        waiting, last = self.rows, rows[-1]
        buffer.times.extend([row.at for row in rows])
        buffer.values.extend(last.values * len(rows))
        buffer.newest = last.at
        waiting.extend(rows)
        for _ in range(len(waiting) - max(WAITING_ROWS, WAITING_OF_EACH * len(self._buffers))):
            waiting.popleft()

    def _seal(self, identity: Identity, shape: Shape) -> _Buffer:
        """Another buffer, of this shape."""
        full = self._buffers[identity]
        if full.times:
            self.sealed.append(full.rows(identity))
            self._values += len(full.values)
            while self._values > WAITING_VALUES and len(self.sealed) > 1:
                lost = self.sealed.popleft()
                self._values -= len(lost.values)
                self._dropped(len(lost.times))
        buffer = _Buffer(shape, POINTS, full.newest, self._clock.monotonic())
        self._buffers[identity] = buffer
        return buffer
