"""A recording's file: what is written is read, and what is damaged is told in one sentence."""

import gzip
import json
from pathlib import Path

import pytest

from manual_clock import ManualClock
from taped import lines, write, write_lines
from tidegauge.docker.tape import FORMAT, LONGEST, Message, RecordedEngine, TapeReader, TapeWriter
from tidegauge.errors import ConfigError, TidegaugeError

ENGINES = (RecordedEngine("local", "unix:///run/docker.sock"),)
HEADER = b'{"version":"0","time":1000,"engines":[],"recording":"tidegauge","format":1}'
SOME = (
    Message(0.5, "asked", 1, "local", "/_ping"),
    Message(0.75, "reply", 1, "local", "/_ping", 200, {"api-version": "1.41"}, text="OK"),
    Message(1.0, "chunk", 2, "local", "/x", text='{"a": "ü ☃ \\u0000 \\n"}\n'),
    Message(1.25, "chunk", 2, "local", "/x", data=b"\xff\xfe\x00 half a sign \xc3"),
    Message(2.0, "failed", 2, "local", "/x", error="ConnectionLost", text="It broke off."),
)


class Broken:
    """Counts what a writer or reader complains of."""

    def __init__(self) -> None:
        self.times, self.garbage = 0, list[str]()

    def failed(self) -> None:
        self.times += 1


def writer(path: Path, clock: ManualClock | None = None, *, force: bool = False) -> TapeWriter:
    tape = TapeWriter(path, clock or ManualClock(), Broken().failed, force=force)
    tape.begin("1.2", ENGINES)
    return tape


def read(path: Path) -> tuple[list[Message], list[str], str]:
    """Messages, garbage, and why it breaks off."""
    garbage: list[str] = []
    with TapeReader(path, garbage.append) as tape:
        return [*tape.messages()], garbage, tape.breaks_off


def read_or_refuse(path: Path) -> tuple[list[Message], list[str], str]:
    """The same; a refusal as the sentence it is."""
    try:
        return read(path)
    except TidegaugeError as refused:
        return [], [], str(refused)


def test_what_was_written_is_read(tmp_path):
    """Header, messages with text and with bytes that are none, and the end."""
    path, clock = tmp_path / "tape", ManualClock()
    tape = writer(path, clock)
    for message in SOME:
        tape.write(message)
    tape.close()

    messages, garbage, breaks_off = read(path)

    assert messages == [*SOME, Message(0.0, "finished")]
    assert messages[3].body == b"\xff\xfe\x00 half a sign \xc3"
    assert (garbage, breaks_off) == ([], "")
    with TapeReader(path, garbage.append) as again:
        assert again.header.engines == ENGINES
        assert (again.header.version, again.header.time) == ("1.2", 1000.0)
    assert tape.messages == len(SOME)
    assert tape.bytes == path.stat().st_size


def test_lines_are_json_that_anybody_can_read(tmp_path):
    """``zcat`` and a JSON reader are enough; bodies of text are text."""
    path = tmp_path / "tape"
    tape = writer(path)
    tape.write(SOME[1])
    tape.close()

    assert lines(path)[1] == {
        "t": 0.75,
        "what": "reply",
        "n": 1,
        "engine": "local",
        "request": "/_ping",
        "status": 200,
        "headers": {"api-version": "1.41"},
        "text": "OK",
    }


def test_what_was_flushed_outlives_a_kill(tmp_path):
    """Without an end and without a close, all that was flushed is there."""
    path = tmp_path / "tape"
    tape = writer(path)
    for message in SOME:
        tape.write(message)
    tape.flush()
    killed = tmp_path / "killed"
    killed.write_bytes(path.read_bytes())
    tape.close()

    messages, garbage, breaks_off = read(killed)

    assert messages == [*SOME]
    assert garbage == []
    assert breaks_off == f"{killed} breaks off after 2.0 s, in line 7: the file was cut short."


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path):
    """A recording cannot be made again."""
    path = tmp_path / "tape"
    path.write_text("precious")

    with pytest.raises(ConfigError, match=r"^.*/tape exists already; --force replaces it\.$"):
        writer(path)
    assert path.read_text() == "precious"
    writer(path, force=True).close()
    assert read(path)[0] == [Message(0.0, "finished")]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """One sentence with the path and the reason."""
    with pytest.raises(TidegaugeError, match=r"^cannot record to .*/none/x: no such file or dir"):
        writer(tmp_path / "none" / "x")


def test_a_full_disk_is_told_once_and_ends_the_writing(tmp_path):
    """Nothing is raised where the messages come from."""
    broken = Broken()
    tape = TapeWriter(Path("/dev/full"), ManualClock(), broken.failed, force=True)

    tape.begin("0", ENGINES)
    tape.write(SOME[0])
    tape.flush()
    tape.close()

    assert broken.times == 1
    assert tape.failure == "cannot go on recording to /dev/full: no space left on device."


NO_RECORDINGS = {
    "empty": (b"", "is no recording: its first line is not a header."),
    "text": (b"hello\n", "is no recording: it is not compressed with gzip."),
    "one byte": (b"\x1f", "is no recording: it is not compressed with gzip."),
    "other gzip": (gzip.compress(b"hello\n"), "is no recording: its first line is not a header."),
    "other json": (gzip.compress(b'{"a":1}\n'), "is no recording: its first line is not a header."),
    "json list": (gzip.compress(b"[]\n"), "is no recording: its first line is not a header."),
    "half a header": (
        gzip.compress(b'{"recording":"tidegauge","format":1}\n'),
        "is no recording: its first line is not a header.",
    ),
    "newer": (
        gzip.compress(b'{"recording":"tidegauge","format":2,"news":[]}\n'),
        f"was recorded by a newer Tidegauge, in format 2; this one reads format {FORMAT}."
        " Update it to replay this file.",
    ),
}


@pytest.mark.parametrize("case", NO_RECORDINGS)
def test_what_is_no_recording_is_refused(tmp_path, case):
    """One sentence that says what it is instead."""
    path = tmp_path / "tape"
    path.write_bytes(NO_RECORDINGS[case][0])

    with pytest.raises(ConfigError) as refused:
        read(path)

    assert str(refused.value) == f"{path} {NO_RECORDINGS[case][1]}"


def test_a_path_that_is_no_file_is_refused(tmp_path):
    """None there, or a folder."""
    with pytest.raises(ConfigError, match=r"^there is no recording .*/none\.$"):
        read(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"^the recording .* cannot be read: is a directory\.$"):
        read(tmp_path)


def test_garbage_lines_are_told_and_the_rest_is_read(tmp_path):
    """Noise, half a line, a wrong type, a time that cannot be, an endless line."""
    good = b'{"t":1,"what":"asked","n":1}', b'{"t":2,"what":"closed","n":1}'
    end = b'{"t":2,"what":"finished"}'
    bad = (
        b"\x00\xff noise",
        b'{"t":1,"what":"as',
        b'{"t":-1,"what":"asked"}',
        b'{"t":1,"what":"sung"}',
        b'{"t":1e9,"what":"asked"}',
        b'{"t":NaN,"what":"asked"}',
        b"",
    )
    path = write_lines(tmp_path / "tape", [HEADER, good[0], *bad, good[1], end])

    messages, garbage, breaks_off = read(path)

    assert [message.what for message in messages] == ["asked", "closed", "finished"]
    assert len(garbage) == len(bad)
    assert garbage[0].startswith(f"line 3 of {path} is no message: ")
    assert garbage[4] == f"line 7 of {path} is of an impossible time."
    assert breaks_off == ""


def test_a_line_without_end_is_read_in_pieces(tmp_path):
    """Memory is bounded by the longest line there can be."""
    endless = b'"' + b"x" * (LONGEST + 100) + b'"'
    path = write_lines(tmp_path / "tape", [HEADER, endless, b'{"t":0,"what":"finished"}'])

    messages, garbage, _ = read(path)

    assert [message.what for message in messages] == ["finished"]
    assert len(garbage) == 2


def test_a_missing_last_line_is_told(tmp_path):
    """Lines were cut off, and the rest was compressed anew."""
    path = write_lines(tmp_path / "tape", [HEADER, b'{"t":3,"what":"asked","n":1}'])

    messages, _, breaks_off = read(path)

    assert len(messages) == 1
    assert breaks_off == f"{path} breaks off after 3.0 s, in line 3: its last line is missing."


def test_cut_anywhere_it_gives_what_is_there(tmp_path):
    """After every byte: all lines that came whole, one sentence, never a traceback."""
    whole = write(tmp_path / "whole", SOME).read_bytes()
    path, most = tmp_path / "cut", 0

    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        messages, garbage, breaks_off = read_or_refuse(path)
        assert messages[: len(SOME)] == [*SOME[: len(messages)]]
        assert garbage == []
        assert breaks_off or messages[-1].what == "finished"
        most = max(most, len(messages))
    assert most >= len(SOME)


def test_damaged_anywhere_it_never_fails_otherwise(tmp_path):
    """Each byte in turn is another: messages, garbage and sentences, but no traceback."""
    whole = bytearray(write(tmp_path / "whole", SOME).read_bytes())
    path = tmp_path / "damaged"

    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        _, _, breaks_off = read_or_refuse(path)
        assert breaks_off.startswith(str(path)) or breaks_off == ""


def test_a_header_is_one_line_of_json(tmp_path):
    """As documented."""
    path = tmp_path / "tape"
    writer(path).close()

    assert json.dumps(lines(path)[0]) == json.dumps(
        {
            "recording": "tidegauge",
            "format": 1,
            "version": "1.2",
            "time": 1000.0,
            "engines": [{"name": "local", "address": "unix:///run/docker.sock"}],
        }
    )
