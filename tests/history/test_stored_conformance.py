"""The embedded history conforms, be it of samples or rolled up."""

from array import array
from collections.abc import Iterator
from itertools import groupby

import pytest

from history.conformance import Conformance, Tolerance, happened, script
from history.made import HOUR, T0, Opened
from snapshots import a_journal
from tidegauge.history.block import STANDARD
from tidegauge.history.reading import StoredHistory
from tidegauge.history.remembering import facts_of
from tidegauge.history.rows import Rows, Shape, Stored
from tidegauge.history.store import Seen
from tidegauge.history.taking import KEPT
from tidegauge.metrics import Kind, Series, identity

START = T0 // 1000


def all_rows() -> Iterator[Rows]:
    """What the script has of each entity, by shape."""
    found = [
        (identity(series.entity), _shape(kept), round(snapshot.at * 1000), _values(kept))
        for snapshot in script(START)
        for entity, group in groupby(snapshot.series, key=lambda each: each.entity)
        if (kept := [series for series in group if series.metric.name in KEPT])
        for series in kept[:1]
    ]
    found.sort(key=lambda row: (row[0], row[2]))
    for (who, shape), same in groupby(found, key=lambda row: row[:2]):
        rows = [*same]
        values = array("q", [value for row in rows for value in row[3]])
        yield Rows(who, shape, array("q", [row[2] for row in rows]), values)


def _shape(kept: list[Series]) -> Shape:
    return tuple(
        Stored(
            each.metric.name,
            each.attributes,
            each.metric.kind is Kind.COUNTER,
            each.metric.scale * KEPT[each.metric.name],
        )
        for each in kept
    )


def _values(kept: list[Series]) -> list[int]:
    return [round(each.last / KEPT[each.metric.name]) for each in kept]


@pytest.fixture(scope="module", params=["samples", "rolled up"])
def history(request, tmp_path_factory):
    """The embedded one, with the whole script in it."""
    with Opened(tmp_path_factory.mktemp("history") / "history.db") as opened:
        seen = {
            identity(series.entity): Seen(round(snapshot.at * 1000), facts_of(series.entity))
            for snapshot in script(START)
            for series in snapshot.series
        }
        opened.store.write(1, [], happened(START), seen)
        for rows in all_rows():
            opened.store.seal(rows)
        if request.param == "rolled up":
            assert opened.roll(48 * HOUR)
    return StoredHistory(opened.path, (STANDARD,), a_journal()[0])


@pytest.fixture(scope="module")
def start():
    return START


@pytest.fixture(scope="module")
def tolerance():
    """Buckets are kept to a thousandth."""
    return Tolerance(0.001, 0.001, 0.001)


class TestStored(Conformance):
    """All tests of a history."""
