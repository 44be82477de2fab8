"""Writing the history: commits of a second's rows, and the blocks they become.

Everything here blocks, and belongs into a thread of its own (`recording` has it). Rows go into
``hot``; some hundred points of an entity become one block, which replaces them there. What is done
with blocks later is in `upkeep`.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from tidegauge.errors import HistoryDamaged
from tidegauge.history import hot
from tidegauge.history.block import Codec, pack
from tidegauge.history.file import HistoryFile, as_json
from tidegauge.history.hot import HotRow
from tidegauge.history.rolling import HOUR
from tidegauge.history.rows import Event, Row, Rows
from tidegauge.metrics import Identity

POINTS = 600
"""Of a full block; larger ones take fewer bytes and more memory until then."""

FORGOTTEN_AT_ONCE = 8
"""Old commits that are deleted with a new one: one with each would cost more, all of them 30 ms."""

COLUMNS_AT_ONCE = 16
"""Of a block, packed in 2 ms."""

INSERT_BLOCK = (
    "INSERT INTO block (entity, tier, shape, start, stop, points, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Seen(Struct, frozen=True):
    """An entity was there at ``at``, in milliseconds; ``facts`` of it, if they are news."""

    at: int
    facts: Mapping[str, str] | None


class Store:
    """Writes to the file; what fails raises `HistoryError`.

    ``damaged`` is told of commits that cannot be read again. ``give_way`` is called every few
    milliseconds of longer work.
    """

    def __init__(
        self,
        file: HistoryFile,
        using: Codec,
        damaged: Callable[[str], None],
        give_way: Callable[[], None],
    ) -> None:
        self._file, self._using, self._damaged = file, using, damaged
        self._give_way = give_way
        self.in_blocks = 0
        """Rows of commits before this one are in blocks, so that the next commits forget them."""
        self._oldest: int | None = None

    def write(
        self,
        number: int,
        rows: Sequence[Row],
        events: Sequence[Event],
        seen: Mapping[Identity, Seen],
    ) -> None:
        """A commit: all of it, or nothing. Its number is above those before it."""
        file = self._file
        with file.transaction():
            if rows:
                data = hot.pack(file.entities(rows), file.shapes(rows), rows)
                file.change("INSERT OR REPLACE INTO hot VALUES (?, ?)", number, data)
            forgotten = self._forget_some(number)
            for one in events:
                file.change(
                    "INSERT INTO event (at, entity, kind, facts) VALUES (?, ?, ?, ?)",
                    *(one.at, file.entity(one.identity, one.at), one.kind, as_json(one.facts)),
                )
            for identity, each in seen.items():
                self._see(file.entity(identity, each.at), each)
        self._oldest = forgotten

    def seal(self, rows: Rows) -> int:
        """Rows of an entity become a block; how many of them were not newer than what there is."""
        file = self._file
        with file.transaction():
            entity = file.entity(rows.identity, rows.times[0])
        ((sealed, rolled),) = file.rows("SELECT sealed, rolled FROM entity WHERE id = ?", entity)
        late = bisect_right(rows.times, sealed)
        if times := rows.times[late:]:
            data = pack(self._using, times, self._columns(rows, late))
            self._give_way()
            start, stop = times[0], times[-1]
            with file.transaction():
                shape = file.shape(rows.shape)
                file.change(INSERT_BLOCK, entity, 0, shape, start, stop, len(times), data)
                self._sealed(entity, start, stop, rolled)
        return late

    def forget_all(self) -> None:
        """Delete all commits that are in blocks: there will be no further one."""
        with self._file.transaction():
            self._file.change("DELETE FROM hot WHERE id < ?", self.in_blocks)

    def recover(self) -> int:
        """Seal what was committed and not sealed when the program ended; how many rows."""
        rows = 0
        for each in self._unsealed():
            rows += len(each.times) - self.seal(each)
            self._give_way()
        with self._file.transaction():
            self._file.change("DELETE FROM hot")
        return rows

    def _columns(self, rows: Rows, late: int) -> Iterator[Sequence[int]]:
        for number in range(len(rows.shape)):
            if number % COLUMNS_AT_ONCE == 0:
                self._give_way()
            yield rows.column(number)[late:]

    def _forget_some(self, newest: int) -> int:
        """Delete some commits that are in blocks; the oldest that is left."""
        oldest = newest if self._oldest is None else self._oldest
        until = oldest + FORGOTTEN_AT_ONCE
        if until > min(self.in_blocks, newest):
            return oldest
        self._file.change("DELETE FROM hot WHERE id < ?", until)
        return until

    def _see(self, entity: int, seen: Seen) -> None:
        self._file.change(
            "UPDATE entity SET first = min(first, ?2), last = max(last, ?2) WHERE id = ?1",
            *(entity, seen.at),
        )
        if seen.facts is not None:
            self._file.change(
                "UPDATE entity SET facts = ? WHERE id = ?", as_json(seen.facts), entity
            )

    def _sealed(self, entity: int, start: int, stop: int, rolled: int) -> None:
        hour = start - start % HOUR
        if hour < rolled:
            hour = self._unrolled(entity, hour, rolled)
        self._file.change(
            "UPDATE entity SET sealed = ?2, rolled = ?3, first = min(first, ?4),"
            " last = max(last, ?2) WHERE id = ?1",
            *(entity, stop, min(rolled, hour) if rolled else hour, start),
        )

    def _unrolled(self, entity: int, hour: int, rolled: int) -> int:
        """Rows came so late that their hour is to be rolled up again; from when on it is.

        What was merged with earlier hours stays as it is: their samples may be gone.
        """
        merged = self._file.row(
            "SELECT 1 FROM block WHERE entity = ?1 AND tier > 0 AND start < ?2 AND stop >= ?2",
            *(entity, hour),
        )
        if merged is not None:
            return rolled
        self._file.change(
            "DELETE FROM block WHERE entity = ? AND tier > 0 AND start >= ?", entity, hour
        )
        return hour

    def _unsealed(self) -> Iterator[Rows]:
        """What is in ``hot``: of each entity in order of time, as much as a block has."""
        gathered: dict[int, list[HotRow]] = {}
        for row in self._hot_rows():
            rows = gathered.setdefault(row.entity, [])
            if rows and (rows[0].shape != row.shape or len(rows) >= POINTS):
                yield from self._together(rows)
                rows.clear()
            rows.append(row)
        for rows in gathered.values():
            yield from self._together(rows)

    def _hot_rows(self) -> Iterator[HotRow]:
        last = 0
        while found := self._file.rows(
            "SELECT id, data FROM hot WHERE id > ? ORDER BY id LIMIT 60", last
        ):
            for last, data in found:  # noqa: B007 (it is where the next ones begin)
                yield from self._commit(data)

    def _together(self, rows: Sequence[HotRow]) -> Iterator[Rows]:
        """Of one entity and shape; nothing of one that was so old that it was deleted."""
        who = self._file.row("SELECT kind, engine, name FROM entity WHERE id = ?", rows[0].entity)
        if who is not None:
            shape = self._file.series(rows[0].shape)
            yield Rows((who[0], who[1], who[2]), shape, *hot.together(rows))

    def _commit(self, data: bytes) -> list[HotRow]:
        try:
            return [*hot.unpack(data)]
        except HistoryDamaged as error:
            self._damaged(f"{error} It is left out.")
            return []
