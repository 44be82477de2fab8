"""Documents come out whole, however the bytes were cut."""

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorded import RECORDINGS
from tidegauge.docker.frames import StatsFrame
from tidegauge.docker.framing import LONGEST, Framing

RECORDED = (RECORDINGS / "docker-20.10.24-cgroup1" / "lifecycle-stream.ndjson").read_bytes()


class Doc(msgspec.Struct):
    n: int
    text: str = ""


class Garbage(list):
    def __call__(self, data, error):
        self.append(data)


def framing():
    garbage = Garbage()
    return Framing(msgspec.json.Decoder(Doc), garbage), garbage


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


DOCUMENTS = st.lists(
    st.fixed_dictionaries({"n": st.integers(0, 2**64 - 1), "text": st.text(max_size=12)}),
    max_size=6,
)
GAPS = st.sampled_from([b"", b"\n", b"\r\n", b"\n\n", b" "])


@given(documents=DOCUMENTS, gap=GAPS, places=st.lists(st.integers(0, 5000), max_size=12))
def test_any_cut_and_any_gap_gives_the_same_documents(documents, gap, places):
    """Split, joined, with a newline between or nothing: the same documents in the same order."""
    data = b"".join(json.dumps(document).encode() + gap for document in documents)
    frames, garbage = framing()

    found = [doc for chunk in cut(data, places) for doc in frames.feed(chunk)] + frames.finish()

    assert [(doc.n, doc.text) for doc in found] == [(d["n"], d["text"]) for d in documents]
    assert garbage == []


@given(places=st.lists(st.integers(0, len(RECORDED)), max_size=30))
def test_a_recorded_stream_survives_any_cut(places):
    """All samples of a real engine's stream come out of any chunks."""
    frames = Framing(msgspec.json.Decoder(StatsFrame), Garbage())

    found = [frame for chunk in cut(RECORDED, places) for frame in frames.feed(chunk)]

    assert found == [msgspec.json.decode(line, type=StatsFrame) for line in RECORDED.splitlines()]


def test_documents_come_with_the_chunk_that_completes_them():
    """A whole document is not held back until the next one comes."""
    frames, _ = framing()

    assert [doc.n for doc in frames.feed(b'{"n":1}\n{"n":2}\n{"n"')] == [1, 2]
    assert [doc.n for doc in frames.feed(b":3}")] == [3]


@pytest.mark.parametrize(
    ("data", "numbers", "garbage"),
    [
        (b'nonsense\n{"n":1}\n', [1], [b"nonsense"]),
        (b'{"n":1,"te\n{"n":2}\n', [2], [b'{"n":1,"te']),
        (b'{"n":1}}{"n":2}\n', [1, 2], [b"}"]),
        (b'junk{"n":1}\n', [1], [b"junk"]),
        (b'{"n":"text"}\n{"n":2}\n', [2], [b'{"n":"text"}']),
        (b'{"n":-0.5}{"n":2}\n', [2], [b'{"n":-0.5}']),
        (b'[1,2]\n{"n":2}\n', [2], [b"[1,2]"]),
        (b"\xff\xfe\x00\n", [], [b"\xff\xfe\x00"]),
        (b'{"n":1,"text":"}{\\"}"}\n', [1], []),
        (b"\n\n  \n", [], []),
    ],
)
def test_garbage_is_reported_and_the_stream_goes_on(data, numbers, garbage):
    """What is no document is given to garbage; documents around it are not lost."""
    frames, seen = framing()

    assert [doc.n for doc in frames.feed(data)] == numbers
    assert seen == garbage


def test_half_a_document_at_the_end_is_garbage():
    """A stream that ends in the middle gives its half to garbage."""
    frames, garbage = framing()
    frames.feed(b'{"n":1}\n{"n":2')

    assert frames.finish() == []
    assert garbage == [b'{"n":2']


def test_an_endless_document_does_not_fill_the_memory():
    """More than the longest document without an end is thrown away, and the next one is read."""
    frames, garbage = framing()
    for _ in range(LONGEST // 2**20 + 1):
        frames.feed(b"x" * 2**20)

    assert len(garbage) == 1
    assert [doc.n for doc in frames.feed(b'\n{"n":7}\n')] == [7]


@given(data=st.binary(max_size=300))
def test_no_bytes_break_it(data):
    """Whatever comes, a good document on the next line is read."""
    frames, _ = framing()
    frames.feed(data)

    assert frames.feed(b'\n{"n":7}\n')[-1].n == 7


def test_text_that_is_no_utf8_is_garbage_like_any_other():
    """One such document costs only itself: a label of a container may hold any bytes."""
    frames, garbage = framing()

    found = frames.feed(b'{"n":1}\n{"n":2,"text":"\xff"}\n{"n":3,"text":"\xc3"}{"n":4}\n')

    assert [doc.n for doc in found] == [1, 4]
    assert garbage == [b'{"n":2,"text":"\xff"}', b'{"n":3,"text":"\xc3"}']
