"""A reply is read the same however its bytes were cut, and what is none is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.docker.answer import HEAD_LONGEST, REFUSAL_LONGEST, Answer, NotHttp
from tidegauge.docker.wire import Refusal

HEAD = b"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Read:
    """What became of a reply that came in these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.given: list[bytes] = []
        self.answer = Answer(self.given.append)
        self.over = False
        for piece in pieces:
            self.over = self.over or self.answer.feed(piece)

    @property
    def body(self) -> bytes:
        return b"".join(self.given)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    form=st.sampled_from(["chunked", "counted", "until closed"]),
    places=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_any_cut_gives_the_same_bytes(chunks: list[bytes], form: str, places: list[int]) -> None:
    """In chunks, with a length told beforehand, or until the connection ends."""
    body = b"".join(chunks)
    data = {
        "chunked": CHUNKED + chunked(*chunks, end=b"0\r\n"),
        "counted": HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
        "until closed": HEAD + b"\r\n" + body,
    }[form]

    read = Read(*cut(data, places))

    assert read.body == body
    assert (read.over, read.answer.closed()) == (form != "until closed", form == "until closed")
    assert read.answer.refusal is None


def test_a_chunk_that_came_whole_is_given_as_it_is() -> None:
    """One write of an engine is one piece; its parts are given as they come."""
    one, two = b'{"a":1}\n', b'{"b":2}\n'

    assert Read(CHUNKED, chunked(one, end=b""), chunked(two)).given == [one, two]
    assert Read(CHUNKED + chunked(one, two)).given == [one, two]
    assert Read(CHUNKED, b"8\r\n" + one[:3], one[3:] + b"\r\n").given == [one[:3], one[3:]]


@pytest.mark.parametrize(
    ("head", "body", "kept"),
    [
        (b"404 Not Found\r\nContent-Length: 5", b"gone\n", b"gone\n"),
        (b"404 Not Found\r\nContent-Length: 0", b"", b""),
        (b"500 X\r\nTransfer-Encoding: chunked", chunked(b"no ", b"way"), b"no way"),
        (b"204 No Content", b"", b""),
        (b"301", b"", b""),
    ],
)
def test_any_other_status_is_a_refusal_with_its_words(
    head: bytes, body: bytes, kept: bytes
) -> None:
    """Nothing of it is poured out."""
    read = Read(b"HTTP/1.1 " + head + b"\r\n\r\n" + body)

    assert read.given == []
    assert read.over or read.answer.closed()
    assert read.answer.refusal == Refusal(int(head[:3]), kept)


def test_what_comes_before_the_answer_is_passed_over() -> None:
    """A 1xx is no answer yet."""
    before = b"HTTP/1.1 100 Continue\r\n\r\n" * 2

    assert Read(before + CHUNKED + chunked(b"x")).body == b"x"


def test_extensions_of_chunks_and_fields_behind_them_tell_nothing() -> None:
    """Proxies may add them."""
    read = Read(CHUNKED + b"1 ;name=value\r\nx\r\n0\r\nExpires: never\r\n\r\n")

    assert (read.body, read.over) == (b"x", True)


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example ESMTP ready\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 -20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LONGEST,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LONGEST + b"\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 0x10\r\n\r\n",
        HEAD + b"Content-Length: %b\r\n\r\n" % (b"9" * 30),
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        CHUNKED + b"-5\r\n",
        CHUNKED + b"+5\r\n",
        CHUNKED + b"0x5\r\n",
        CHUNKED + b"1_0\r\n",
        CHUNKED + b"ffffffffffffffff\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"5\n",
        CHUNKED + b"5" * 300,
        CHUNKED + b"5;" + b"x" * 300,
        CHUNKED + b"1\r\nxy\r\n",
        CHUNKED + b"1\r\nx\n",
        CHUNKED + b"1\r\nx\ry",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_what_is_no_reply_of_an_engine_is_refused(data: bytes, step: int) -> None:
    """However it is cut, and without waiting for more of it."""
    with pytest.raises(NotHttp):
        Read(*(data[start : start + step] for start in range(0, len(data), step)))


def test_a_refusal_without_end_does_not_fill_the_memory() -> None:
    """Its beginning is enough."""
    read = Read(b"HTTP/1.1 500 X\r\n\r\n", *[b"x" * 10_000] * 100)

    assert read.answer.refusal == Refusal(500, b"x" * REFUSAL_LONGEST)


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 10_000), max_size=5))
def test_no_bytes_behind_a_good_head_do_anything_else(data: bytes, places: list[int]) -> None:
    """They are read, or refused."""
    try:
        read = Read(CHUNKED, *cut(data, places) if data else ())
    except NotHttp:
        return
    assert len(read.body) <= len(data)
