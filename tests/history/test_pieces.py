"""Parts of a series from different tiers, put together."""

from hypothesis import given
from hypothesis import strategies as st

from tidegauge.history.codec import ABSENT
from tidegauge.history.pieces import Gaps, Piece, Samples, coarser, joined, within
from tidegauge.history.tiers import GAP_MS, UNKNOWN, Column, levels, rates


def piece(times, values, step):
    """Buckets that hold the same in all four columns."""
    weights = [step // 1000] * len(times)
    return Piece([*times], Column([*values], [*values], [*values], None), step, weights)


def together(pieces, step):
    """They, joined."""
    return joined(pieces, step, Gaps())


def told(one):
    """Times with means."""
    return [*zip(one.times, one.column.mean, strict=True)]


def test_samples_stay_as_they_are_without_a_step():
    """Holes included; from a time on."""
    assert told(Samples([1, 2, 3], 0).piece(levels([5, ABSENT, 7]))) == [
        (1, 5),
        (2, UNKNOWN),
        (3, 7),
    ]
    for begin, gone in ((0, 0), (1, 1), (1000, 1), (2001, 3)):
        samples = Samples([0, 1000, 2000], 0, begin)
        whole = [(0, UNKNOWN), (1000, 1), (2000, 2)]
        assert told(samples.piece(rates(samples.line, [5, 6, 8]))) == whole[gone:]


def test_samples_in_buckets():
    """Of any step, from a time on."""
    one = Samples([0, 1000, 5000], 2000).piece(levels([1, 3, 5]))
    assert (one.times, one.column.mean) == ([0, 4000], [2, 5])
    assert (one.column.least, one.column.greatest) == ([1, 5], [3, 5])
    assert told(Samples([0, 1000, 5000], 2000, 2000).piece(levels([1, 3, 5]))) == [(4000, 5)]
    assert told(Samples([0, 1000, 5000], 2000, 6000).piece(levels([1, 3, 5]))) == []


def test_a_part_of_a_piece():
    """What begins in a range, its end excluded."""
    whole = piece([0, 10, 20, 30], [1, 2, 3, 4], 10)
    assert told(within(whole, 10, 30)) == [(10, 2), (20, 3)]
    assert within(whole, 0, 31) is whole
    assert told(within(whole, 5, 6)) == []


def test_coarser_buckets_hold_their_parts():
    """Unknown parts do not count; a bucket of nothing is unknown."""
    column = Column(
        [1, 3, UNKNOWN, UNKNOWN],
        [0, 2, UNKNOWN, UNKNOWN],
        [5, 9, UNKNOWN, UNKNOWN],
        [4, 8, UNKNOWN, UNKNOWN],
    )
    one = coarser(Piece([0, 10, 20, 40], column, 10, [10, 10, 10, 10]), 40)
    column = Column([2, UNKNOWN], [0, UNKNOWN], [9, UNKNOWN], [8, UNKNOWN])
    assert one == Piece([0, 40], column, 40, [30, 10])


@given(
    st.integers(0, 7), st.integers(2, 5), st.lists(st.tuples(*[st.integers(0, 99)] * 3), min_size=1)
)
def test_coarser_buckets_of_buckets_without_a_gap(begin, many, found):
    """Whatever part of the first and of the last one there is."""
    times = [10 * (begin + n) for n in range(len(found))]
    means, others = [float(mean) for mean, _, _ in found], [float(other) for _, other, _ in found]
    weights = [weight for _, _, weight in found]
    one = coarser(Piece(times, Column(means, others, others, others[:]), 10, weights), 10 * many)
    inside = {}
    for n, at in enumerate(times):
        inside.setdefault(at - at % (10 * many), []).append(n)
    assert one.times == [*inside]
    assert one.weights == [sum(weights[n] for n in part) for part in inside.values()]
    assert one.column.least == [min(others[n] for n in part) for part in inside.values()]
    assert one.column.greatest == [max(others[n] for n in part) for part in inside.values()]
    assert one.column.p95 == one.column.greatest or one.column.p95 is None
    for mean, part in zip(one.column.mean, inside.values(), strict=True):
        whole = sum(weights[n] for n in part)
        amount = sum(means[n] * weights[n] for n in part)
        # One that is made of one part is that part.
        assert mean == (amount / whole if whole else UNKNOWN) or [mean] == [means[n] for n in part]


def test_a_bucket_counts_by_what_is_in_it():
    """Nine seconds of 10 and one of 20 are 11."""
    column = Column([10, 20], [10, 20], [10, 20], None)
    assert coarser(Piece([0, 10], column, 10, [9, 1]), 20).column.mean == [11]


def test_a_gap_has_a_hole():
    """One, at its begin; between buckets that are longer than a gap, only where one is missing."""
    samples = piece([0, 1000, GAP_MS + 1001, GAP_MS + 2001], [1, 2, 3, 4], 0)
    assert told(together([samples], 0)) == [
        (0, 1),
        (1000, 2),
        (2000, UNKNOWN),
        (GAP_MS + 1001, 3),
        (GAP_MS + 2001, 4),
    ]
    minutes = piece([0, 60_000, 180_000], [1, 2, 3], 60_000)
    assert told(together([minutes], 60_000)) == [
        (0, 1),
        (60_000, 2),
        (120_000, UNKNOWN),
        (180_000, 3),
    ]
    tens = piece([0, 20_000, 50_000], [1, 2, 3], 10_000)
    assert told(together([tens], 10_000)) == [(0, 1), (20_000, 2), (50_000, 3)]


def test_larger_buckets_come_first_and_stay():
    """Where the finer ones are not kept any more."""
    old = piece([0, 60_000], [1, 2], 60_000)
    new = piece([120_000, 130_000, 140_000], [3, 4, 5], 10_000)
    assert told(together([old, new], 10_000)) == [*told(old), *told(new)]
    assert told(together([old, new], 120_000)) == [(0, 1.5), (120_000, 4)]


def test_a_gap_between_pieces_has_a_hole():
    """As one within them."""
    old = piece([0, 60_000], [1, 2], 60_000)
    new = piece([240_000], [3], 10_000)
    assert told(together([old, new], 10_000)) == [
        (0, 1),
        (60_000, 2),
        (120_000, UNKNOWN),
        (240_000, 3),
    ]


@given(
    st.lists(st.integers(1, 80_000), min_size=1, max_size=40),
    st.sampled_from((0, 1000, 10_000, 60_000)),
    st.integers(0, 40),
)
def test_no_bucket_is_doubled_and_none_is_missing(steps, step, cut):
    """However the samples are cut into pieces."""
    times, at = [], 0
    for passed in steps:
        at += passed
        times.append(at)
    values = [*range(len(times))]
    cut = min(cut, len(times))
    parts = [
        Samples(times[begin:end], step).piece(levels(values[begin:end]))
        for begin, end in ((0, cut), (cut, len(times)))
        if begin < end
    ]
    one = together(parts, step)
    assert one.times == sorted(set(one.times))
    known = [at for at, value in told(one) if value != UNKNOWN]
    assert known == sorted({at - at % step if step else at for at in times})
