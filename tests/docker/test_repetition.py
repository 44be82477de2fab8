"""A line is taken for the one before it only if decoding it gives the same, but for the time."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fakes.sleeping import SLEEPING
from recorded import RECORDINGS, decode, streams
from tidegauge.docker.frames import StatsFrame
from tidegauge.docker.framing import Handing
from tidegauge.docker.repetition import Repetition


def of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def known(line: bytes) -> Repetition:
    made = Repetition.of(line)
    assert made is not None
    return made


def told(frame: StatsFrame, known: Repetition, line: bytes) -> StatsFrame | None:
    """The frame that a line is taken for; ``None`` if it is to be decoded."""
    again = known.again(line)
    if again is None:
        return None
    assert frame.cpu_stats is not None
    cpu = replace(frame.cpu_stats, system_cpu_usage=again[1])
    return replace(frame, read=again[0], cpu_stats=cpu)


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_a_recorded_line_is_taken_for_is_what_it_says(path: Path) -> None:
    """Whichever line of its stream was known before, and also where it is of another life."""
    every = of(path)
    for line in every:
        before = Repetition.of(line)
        if before is not None:
            for other in every:
                taken = told(decode(line), before, other)
                assert taken is None or taken == decode(other)


def test_lines_of_a_container_that_sleeps_are_taken() -> None:
    """Each is the same as the one before, by Docker and by Podman."""
    lines = SLEEPING
    assert [bool(known(lines[0]).again(line)) for line in lines] == [True] * 8
    podman = of(RECORDINGS / "podman-5.4.2-cgroup1" / "stats-stream-nonet.ndjson")[1:]
    assert [bool(known(podman[0]).again(line)) for line in podman] == [True] * 7


CAPACITY = b'"system_cpu_usage":'


def unread(line: bytes) -> set[int]:
    """Where the time and the capacity of the sample before stand, which nobody decodes."""
    time = line.index(b',"preread":"') + len(b',"preread":"')
    capacity = line.rindex(CAPACITY) + len(CAPACITY)
    ends = line.index(b'"', time), line.index(b",", capacity)
    return {*range(time, ends[0]), *range(capacity, ends[1])}


@given(st.data())
def test_any_other_byte_is_noticed(data: st.DataObject) -> None:
    """Or the line says what it is taken for."""
    first, line = SLEEPING[:2]
    at = data.draw(st.integers(0, len(line) - 1).filter(lambda at: at not in unread(line)))
    here = data.draw(
        st.binary(max_size=2) | st.sampled_from([b",", b'"', b"\\", b"}", b"\n", b"0"])
    )
    # Nothing is put before what nobody decodes, either.
    end = at + 1 if at + 1 in unread(line) or at - 1 in unread(line) else at
    changed = line[:at] + here + line[max(end, at + data.draw(st.integers(0, 1))) :]

    taken = told(decode(first), known(first), changed)

    if taken is not None:
        assert taken == decode(changed)


@pytest.mark.parametrize("joined", [2, 3, 4])
def test_several_lines_at_once_are_none_of_them(joined: int) -> None:
    """Whoever passes an engine's bytes on may put them together: each is a sample."""
    first, *others = SLEEPING
    piece = b"".join(others[:joined])
    assert known(first).again(piece) is None

    frames: list[StatsFrame] = []
    handing = Handing(
        msgspec.json.Decoder(StatsFrame),
        lambda frame, _line: frames.append(frame),
        lambda *_: None,
        lambda line: known(first).again(line) is not None,
    )
    handing.hand(piece)
    assert frames == [decode(line) for line in others[:joined]]


@pytest.mark.parametrize(
    "number",
    [b"", b"-1", b"1.5", b"1e3", b"null", b'"1"', b"1}", b"\xd9\xa3", b"1\x00", b"9" * 5000],
)
def test_a_capacity_that_is_no_number_is_left_to_the_decoder(number: bytes) -> None:
    """That of the sample or of the one before; nothing is raised, however long it is."""
    first, line = SLEEPING[:2]
    before, one, other = line.split(CAPACITY)
    ends = [part[part.index(b",") :] for part in (one, other)]

    for changed in (
        before + CAPACITY + number + ends[0] + CAPACITY + other,
        before + CAPACITY + one + CAPACITY + number + ends[1],
    ):
        taken = told(decode(first), known(first), changed)
        assert taken is None or taken == decoded(changed)


@pytest.mark.parametrize(
    "time", [b'""', b"null", b'"2026"', b'"2026-11-22T10:00:00"', b"\xff", b"1"]
)
def test_a_time_that_is_none_is_left_to_the_decoder(time: bytes) -> None:
    """So it is told as garbage."""
    first, line = SLEEPING[:2]
    head, _, rest = line.partition(b'"read":')
    changed = head + b'"read":' + time + rest[rest.index(b",") :]

    assert decoded(changed) is None
    assert known(first).again(changed) is None


def test_names_that_look_like_marks_are_none() -> None:
    """A container, a label or an interface may be called as they like."""
    first, line = (
        each.replace(
            b'"name":"/', b'"name":"/\\"read\\":,\\"preread\\":\\"\\"system_cpu_usage\\":1,'
        )
        for each in SLEEPING[:2]
    )
    assert told(decode(first), known(first), line) == decode(line)
    eth = b'{"networks":{"read":{"rx_bytes":1}},'
    assert Repetition.of(eth + first[1:]) is None


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b'{"read":"2026-11-22T10:00:00Z"}\n'])
def test_a_line_that_no_docker_writes_is_not_known(line: bytes) -> None:
    """All lines of such a stream are decoded."""
    assert Repetition.of(line) is None


def decoded(line: bytes) -> StatsFrame | None:
    try:
        return decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
