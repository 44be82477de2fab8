"""``tidegauge record`` and ``tidegauge replay`` as they are typed."""

import asyncio
import gzip
import json
import os
import pty
import re
import signal
from pathlib import Path

import pytest

from command import TIDEGAUGE, ended, environment, running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from taped import lines, write, write_lines
from tidegauge.docker.tape import Message, TapeReader
from waiting import wait_until_async

pytestmark = pytest.mark.program

TABLE = """\
container  samples   cpu %   max %  memory  received  sent  read  written
web              3  100.00  100.00   1000B         -     -     -        -

"""

SUMMARY = "Replayed 0.7 s of 1 engine: 1 container, 3 samples.\n"

PAGE = Path(__file__).parent.parent / "docs" / "record-and-replay.md"


@pytest.fixture
async def engine(tmp_path: Path):
    async with FakeEngine(tmp_path / "s") as fake:
        yield fake


@pytest.fixture
async def tape(engine, tmp_path):
    """Three samples of one container, recorded for two seconds."""
    engine.add("web", streaming(frame(1), frame(2), frame(3)))
    path = tmp_path / "tape"
    done = await ended("record", str(path), "--seconds", "2", DOCKER_HOST=engine.host)
    assert done.code == 0, done.err
    assert done.out == ""
    assert "event=recorded " in done.err
    assert "samples=3 " in done.err
    return path


async def test_a_recording_replays_to_a_table(tape):
    """Without exporters the replay is worth something by itself."""
    done = await ended("replay", str(tape), "--speed", "max")

    assert done.code == 0, done.err
    assert re.sub(r"\d\.\d s", "0.7 s", done.out) == TABLE + SUMMARY


@pytest.mark.parametrize("speed", [(), ("--speed", "2"), ("--speed", "0"), ("--speed", "1e3")])
async def test_at_every_speed_it_shows_the_same(tape, speed):
    """As recorded, faster, as fast as possible."""
    done = await ended("replay", str(tape), *speed)

    assert (done.code, done.out.startswith(TABLE)) == (0, True), done


async def test_exporters_of_the_configuration_get_it(tape, tmp_path):
    """As in ``run``; then there is no table."""
    got: list[bytes] = []

    class Server(asyncio.DatagramProtocol):
        def datagram_received(self, data, _address):
            got.append(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    config = tmp_path / "x.toml"
    config.write_text(f'[agent]\nhostname = "h"\n[exporters.statsd]\nport = {port}\n')

    done = await ended("replay", str(tape), "--speed", "max", "-c", str(config))
    await wait_until_async(lambda: any(b"docker-memory.web.usage" in d for d in got), 5, "sent")
    transport.close()

    assert done.code == 0, done.err
    assert re.sub(r"\d\.\d s", "0.7 s", done.out) == SUMMARY
    assert f"127.0.0.1:{port}" in done.err


async def test_lines_on_standard_output_are_all_there_is_on_it(tape):
    """Whoever reads them as JSON meets nothing else; what was replayed is told elsewhere."""
    path = {"TIDEGAUGE_EXPORTERS_FILE_PATH": "-"}
    done = await ended("replay", str(tape), "--speed", "max", **path)

    assert done.code == 0, done.err
    assert {json.loads(line)["engine"] for line in done.out.splitlines()} == {"local"}
    assert re.sub(r"\d\.\d s", "0.7 s", done.err).endswith(SUMMARY)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_recording_in_good_order(engine, tmp_path, number):
    """The file is whole, and says so; exit code 0."""
    engine.add("web", streaming(frame(1), frame(2)))
    path = tmp_path / "tape"
    async with running(tmp_path / "log", "record", str(path), DOCKER_HOST=engine.host) as process:
        await process.says("engine answers")
        await wait_until_async(lambda: path.stat().st_size > 700, 10, "samples")
        assert await process.stop(number) == 0

    assert lines(path)[-1]["what"] == "finished"
    assert "event=recorded " in process.log


async def test_a_killed_recording_plays_what_was_flushed(engine, tmp_path):
    """At most half a second is lost; the replay says where it breaks off."""
    engine.add("web", streaming(frame(1), frame(2), frame(3)))
    path = tmp_path / "tape"
    async with running(tmp_path / "log", "record", str(path), DOCKER_HOST=engine.host) as process:
        await wait_until_async(lambda: b"chunk" in flushed(path), 10, "samples")
        process.send(signal.SIGKILL)
        await process.end()

    done = await ended("replay", str(path), "--speed", "max")

    assert done.code == 1
    assert done.out.startswith(TABLE)
    assert done.err.splitlines()[-1].endswith("the file was cut short. What is there was replayed.")


def flushed(path: Path) -> bytes:
    import zlib

    return zlib.decompressobj(wbits=31).decompress(path.read_bytes()) if path.exists() else b""


async def test_a_signal_ends_a_replay_with_what_was_played(tmp_path):
    """An hour to go: stopped, it shows what there is."""
    messages = [
        Message(0.0, "asked", 1, "local", "/_ping"),
        Message(3600.0, "reply", 1, "local", "/_ping", 200, text="OK"),
    ]
    path = write(tmp_path / "tape", messages)
    async with running(tmp_path / "log", "replay", str(path)) as process:
        await asyncio.sleep(0)
        await wait_until_async(lambda: handles_signals(process.pid), 10, "it runs")
        assert await process.stop(signal.SIGINT) == 0

    assert process.log.endswith("Replayed 0.0 s of 1 engine: 0 containers, 0 samples.\n")


def handles_signals(pid: int) -> bool:
    """Does it catch SIGTERM?"""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


async def test_a_recording_is_not_overwritten_unless_forced(tape, engine):
    """Exit code 2 and the remedy."""
    before = tape.read_bytes()
    refused = await ended("record", str(tape), "--seconds", "0.2", DOCKER_HOST=engine.host)
    kept = tape.read_bytes()
    forced = await ended(
        "record", str(tape), "--seconds", "0.2", "--force", DOCKER_HOST=engine.host
    )

    assert (refused.code, kept) == (2, before)
    assert refused.err == f"tidegauge: {tape} exists already; --force replaces it.\n"
    assert forced.code == 0
    assert tape.read_bytes() != before


async def test_a_wrong_address_leaves_no_file_behind(tmp_path):
    """The mistake is told before anything is written."""
    tape = str(tmp_path / "tape")
    done = await ended("record", tape, "--seconds", "1", DOCKER_HOST="bogus://")

    assert done.code == 2
    assert not (tmp_path / "tape").exists()


async def test_a_target_that_cannot_be_written(engine, tmp_path):
    """No such folder, and a full disk: one sentence, exit code 1."""
    none = await ended("record", str(tmp_path / "none" / "x"), DOCKER_HOST=engine.host)
    full = await ended("record", "/dev/full", "--force", DOCKER_HOST=engine.host)

    assert (none.code, full.code) == (1, 1)
    assert none.err.startswith(f"tidegauge: cannot record to {tmp_path}/none/x: no such file")
    assert full.err.splitlines()[-1] == (
        "tidegauge: cannot go on recording to /dev/full: no space left on device."
    )


async def test_what_is_no_recording_is_a_mistake(tmp_path):
    """One sentence, exit code 2."""
    text = tmp_path / "text"
    text.write_text("hello")
    newer = tmp_path / "newer"
    newer.write_bytes(gzip.compress(b'{"recording":"tidegauge","format":9}\n'))

    for path, says in (
        (tmp_path / "none", "there is no recording"),
        (text, f"{text} is no recording: it is not compressed with gzip."),
        (newer, f"{newer} was recorded by a newer Tidegauge, in format 9"),
    ):
        done = await ended("replay", str(path))
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"tidegauge: {says}")
        assert done.err.count("\n") == 1


async def test_garbage_in_the_middle_is_told_and_skipped(tape, tmp_path):
    """The rest is played, and the exit code is 0: the end was reached."""
    raw = gzip.decompress(tape.read_bytes()).splitlines()
    odd = write_lines(tmp_path / "odd", [*raw[:5], b"\xff noise", *raw[5:]])

    done = await ended("replay", str(odd), "--speed", "max")

    assert done.code == 0
    assert done.out.startswith(TABLE)
    assert f"line 6 of {odd} is no message" in done.err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("record",), "the following arguments are required: FILE"),
        (("replay",), "the following arguments are required: FILE"),
        (
            ("replay", "x", "--speed", "fast"),
            "argument --speed: must be a number above 0, not fast",
        ),
        (("replay", "x", "--speed", "-1"), "argument --speed: must be a number above 0, not -1"),
        (("replay", "x", "--speed", "nan"), "argument --speed: must be a number above 0, not nan"),
        (("record", "x", "--seconds", "0"), "argument --seconds: must be a number above 0, not 0"),
    ],
)
async def test_mistyped(typed, says):
    """Exit code 2, one sentence."""
    done = await ended(*typed)

    assert done.code == 2
    assert done.err.startswith(f"tidegauge: {says}")


async def test_a_terminal_shows_progress(engine, tmp_path):
    """Seconds, messages and bytes, on a line that goes away."""
    engine.add("web", streaming(frame(1), frame(2)))
    here, there = pty.openpty()
    child = await asyncio.create_subprocess_exec(
        *TIDEGAUGE,
        *("record", str(tmp_path / "tape"), "--seconds", "1.2"),
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment(DOCKER_HOST=engine.host, TERM="xterm", COLUMNS="80"),
    )
    os.close(there)
    shown = await asyncio.to_thread(all_of, here)

    assert await child.wait() == 0
    assert "recording, 1 s · " in shown
    assert " messages · " in shown
    assert shown.rstrip().splitlines()[-1].count("recording,") <= 1


async def test_a_replay_shows_progress_on_a_terminal(tape):
    """Seconds and messages."""
    here, there = pty.openpty()
    child = await asyncio.create_subprocess_exec(
        *TIDEGAUGE,
        *("replay", str(tape), "--speed", "1"),
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment(TERM="xterm", COLUMNS="80"),
    )
    os.close(there)
    shown = await asyncio.to_thread(all_of, here)

    assert await child.wait() == 0
    assert re.search(r"replaying, \d s · \d+ messages", shown)


def all_of(terminal: int) -> str:
    read = b""
    try:
        while more := os.read(terminal, 65536):
            read += more
    except OSError:  # the other side has gone
        pass
    finally:
        os.close(terminal)
    return read.decode()


def test_the_page_shows_what_is_shown(tmp_path):
    """Its table has the headings of today, and its lines are those of a recording."""
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition("replay night.tape --speed max\n")[2].splitlines()
    sample = page.partition("$ zcat night.tape\n")[2].partition("```")[0].encode().splitlines()
    end = b'{"t":1,"what":"finished"}'

    assert shown[0].split() == TABLE.splitlines()[0].split()
    garbage: list[str] = []
    with TapeReader(write_lines(tmp_path / "tape", [*sample, end]), garbage.append) as tape:
        messages = [message.what for message in tape.messages()]
    assert messages == ["asked", "reply", "asked", "opened", "chunk", "finished"]
    assert garbage == []
