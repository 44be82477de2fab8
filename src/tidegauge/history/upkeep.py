"""What is done with blocks as they grow old: rolled up, deleted, their space given back."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from tidegauge.errors import HistoryDamaged, HistoryError
from tidegauge.history.block import Block, Codec
from tidegauge.history.file import Fields, HistoryFile
from tidegauge.history.options import Retention
from tidegauge.history.rolling import HOUR, MERGED, Rolled, merge, roll_up
from tidegauge.history.rows import Shape
from tidegauge.history.store import INSERT_BLOCK
from tidegauge.history.tiers import GAP_MS, TIERS

LATE = 1_800_000
"""Milliseconds after its end at which an hour is rolled up although nothing came after it."""

VERY_LATE = 86_400_000
"""The same when nothing came of the whole engine."""

VACUUMED_AT_ONCE = 256
"""Pages of 2 kB that are given back to the disk at once, which takes up to 5 ms."""

VACUUMED = 32
"""How often at most, each time."""

SPARE = 8
"""One of so many pages may be free: commits come and go, and take them again."""


class Upkeep:
    """Of an open file; what fails raises `HistoryError`.

    ``codecs`` are those that can be read, the first of them is written. ``damaged`` is told of
    blocks that are left out. ``give_way`` is called every few milliseconds of longer work.
    """

    def __init__(
        self,
        file: HistoryFile,
        codecs: Sequence[Codec],
        damaged: Callable[[str], None],
        give_way: Callable[[], None],
    ) -> None:
        self._file, self._using = file, codecs[0]
        self._codecs = {each.number: each for each in codecs}
        self._damaged, self._give_way = damaged, give_way
        self._due = deque[int]()

    @property
    def due(self) -> int:
        """How many entities wait to be rolled up."""
        return len(self._due)

    def find_due(self, now: int) -> None:
        """Look for entities with hours to be rolled up: behind a sealed point, or long past.

        How long is told by the clock of their engine, which may not be ours.
        """
        found = self._file.rows(
            "WITH newest AS (SELECT engine, max(sealed) AS at FROM entity GROUP BY engine)"
            " SELECT id FROM entity JOIN newest USING (engine)"
            " WHERE rolled > 0 AND sealed >= rolled AND (sealed >= rolled + ?1"
            " OR newest.at > rolled + ?1 + ?2 OR ?4 > rolled + ?1 + ?3) ORDER BY rolled",
            *(HOUR, LATE, VERY_LATE, now),
        )
        self._due = deque(entity for (entity,) in found)

    def roll_one(self) -> bool:
        """Roll up one hour of an entity that is due; false if none is."""
        if not self._due:
            return False
        entity = self._due.popleft()
        hour, blocks = self._next_hour(entity)
        shape, tiers = roll_up(self._using, blocks, hour, self._give_way)
        with self._file.transaction():
            for each in tiers:
                self._insert(entity, shape, each)
            self._file.change("UPDATE entity SET rolled = ? WHERE id = ?", hour + HOUR, entity)
        for tier, period in MERGED.items():
            if (hour + HOUR) % period == 0:
                self._merge(entity, tier, hour + HOUR - period)
        return True

    def _merge(self, entity: int, tier: int, begin: int) -> None:
        """Put the blocks of a period together, if there are some."""
        found = self._file.rows(
            "SELECT id, shape, data FROM block"
            " WHERE entity = ? AND tier = ? AND start >= ? AND start < ? ORDER BY start",
            *(entity, tier, begin, begin + MERGED[tier]),
        )
        blocks = [*self._readable(found)]
        if len(blocks) == len(found) > 1:
            shape, merged = merge(self._using, tier, blocks, self._give_way)
            with self._file.transaction():
                self._file.change_each("DELETE FROM block WHERE id = ?", [one[:1] for one in found])
                self._insert(entity, shape, merged)

    def _insert(self, entity: int, shape: Shape, of: Rolled) -> None:
        number = self._file.shape(shape)
        self._file.change(
            INSERT_BLOCK, entity, of.tier, number, of.start, of.stop, of.points, of.data
        )

    def expire(self, now: int, retention: Retention) -> None:
        """Delete what is older than its tier is kept, and the oldest of what is too much."""
        with self._file.transaction():
            for number, tier in enumerate(TIERS):
                self._file.change(
                    "DELETE FROM block WHERE tier = ?1 AND stop < ?2 AND (?1 > 0 OR"
                    " stop < (SELECT rolled FROM entity WHERE entity.id = block.entity))",
                    *(number, now - retention.kept[tier.name]),
                )
            longest = now - max(retention.kept.values())
            self._file.change("DELETE FROM event WHERE at < ?", longest)
            if self._file.change("DELETE FROM entity WHERE last < ?", longest):
                self._file.forget_numbers()
            self._shrink(retention.size)
        self._give_way()
        self._give_back(retention.size)

    def _give_back(self, most: int) -> None:
        """Free pages to the disk, if they are many, or the file is too big."""
        for _ in range(VACUUMED):
            pages, free, size = self._pages()
            spare = free - pages // SPARE if pages * size <= most else free
            if spare <= 0:
                break
            self._file.give_back(min(spare, VACUUMED_AT_ONCE))
            self._give_way()

    def _shrink(self, most: int) -> None:
        """The tier that takes most loses its oldest blocks: so there is something of all times."""
        while (excess := self._size() - most) > 0:
            largest = self._file.row(
                "SELECT tier, count(*), sum(length(data)) AS size FROM block GROUP BY tier"
                " ORDER BY size DESC LIMIT 1"
            )
            if largest is None:
                break
            tier, blocks, size = largest
            self._file.change(
                "DELETE FROM block WHERE id IN"
                " (SELECT id FROM block WHERE tier = ? ORDER BY stop LIMIT ?)",
                *(tier, 1 + blocks * min(excess, size // 8) // size),
            )

    def _size(self) -> int:
        """Bytes in use; pages freed in this transaction do not count."""
        pages, free, size = self._pages()
        return (pages - free) * size

    def _pages(self) -> list[int]:
        """How many there are, how many of them are free, and how large one is."""
        names = "page_count", "freelist_count", "page_size"
        return [self._file.number(f"PRAGMA {name}") for name in names]

    def _next_hour(self, entity: int) -> tuple[int, list[tuple[Shape, Block]]]:
        """The next hour to be rolled up of which there is anything, and its blocks."""
        ((rolled, sealed),) = self._file.rows(
            "SELECT rolled, sealed FROM entity WHERE id = ?", entity
        )
        begins = self._file.row(
            "SELECT start FROM block WHERE entity = ? AND tier = 0 AND stop >= ?"
            " ORDER BY start LIMIT 1",
            *(entity, rolled),
        )
        if begins is None:  # deleted, because the file was too big
            return sealed - sealed % HOUR, []
        hour = max(rolled, begins[0] - begins[0] % HOUR)
        found = self._file.rows(
            "SELECT id, shape, data FROM block"
            " WHERE entity = ? AND tier = 0 AND stop >= ? AND start < ? ORDER BY start",
            *(entity, hour - GAP_MS, hour + HOUR),
        )
        return hour, [*self._readable(found)]

    def _readable(self, found: Sequence[Fields]) -> Iterator[tuple[Shape, Block]]:
        """Blocks that are as they were written; others are told, and left out."""
        shapes = {number: self._file.series(number) for number in {one[1] for one in found}}
        for block, shape, data in found:
            try:
                yield shapes[shape], Block(data, self._codecs)
            except HistoryDamaged as error:
                self._damaged(f"{error} It is deleted.")
                self._file.change("DELETE FROM block WHERE id = ?", block)
            except HistoryError as error:
                self._damaged(f"{error} It is not rolled up.")
