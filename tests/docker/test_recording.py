"""What passes a recording transport passes unchanged, and is on the tape."""

import asyncio
import json

import pytest

from fakes.stats import frame
from frames_of import frames_of
from manual_clock import ManualClock
from taped import lines
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.recording import RecordingTransport
from tidegauge.docker.tape import TapeWriter
from tidegauge.docker.transport import HttpTransport
from tidegauge.errors import ConnectionLost, EngineUnreachable, NoSuchContainer

SECRET = "hunter2"


class Taped:
    """A client whose transport is recorded."""

    def __init__(self, path, host, clock=None):
        from itertools import count

        self.path = path
        self.tape = TapeWriter(path, clock or ManualClock(), lambda: None, force=False)
        self.tape.begin("0", [])
        inner = HttpTransport(parse_endpoint(host))
        self.transport = RecordingTransport(inner, "local", self.tape, count(1))
        self.client = EngineClient("local", self.transport)

    async def close(self):
        await self.client.close()
        self.tape.close()

    @property
    def course(self):
        """Request without version, what, and body of each line."""
        return [
            (line["request"].replace("/v1.41", ""), line["what"], line.get("text", ""))
            for line in lines(self.path)[1:-1]
        ]


async def seconds_of(client, container, garbage=lambda _data, _error: None):
    async with frames_of(client, container, garbage) as frames:
        return [each.read.second async for each in frames]


async def test_replies_and_streams_are_written_as_they_come(engine, tmp_path):
    """Chunks are not joined and not cut; the end of a stream is written too."""
    whole = frame(1) + b"\n" + frame(2) + b"\n"

    async def stats(connection):
        await connection.begin_chunks()
        await connection.chunk(whole[:30])
        await asyncio.sleep(0.05)
        await connection.chunk(whole[30:])
        await connection.end_chunks()

    container = engine.add("web", stats)
    taped = Taped(tmp_path / "tape", engine.host)
    await taped.client.connect()

    assert await seconds_of(taped.client, container) == [1, 2]

    await taped.close()
    path = f"/containers/{container}/stats?stream=1"
    assert taped.course[:3] == [
        ("/_ping", "asked", ""),
        ("/_ping", "reply", "OK"),
        ("/version", "asked", ""),
    ]
    assert taped.course[4:] == [
        (path, "asked", ""),
        (path, "opened", ""),
        (path, "chunk", whole[:30].decode()),
        (path, "chunk", whole[30:].decode()),
        (path, "end", ""),
    ]


async def test_a_stream_that_breaks_off_and_one_that_is_left_differ(engine, tmp_path):
    """``failed`` with the error and its words, ``closed`` when we go."""

    async def breaks(connection):
        await connection.begin_chunks()
        await connection.chunk(frame(1) + b"\n")
        connection.break_off()

    async def stays(connection):
        await connection.begin_chunks()
        await connection.chunk(frame(1) + b"\n")
        await asyncio.Event().wait()

    broken, steady = engine.add("a", breaks), engine.add("b", stays)
    taped = Taped(tmp_path / "tape", engine.host)
    await taped.client.connect()

    with pytest.raises(ConnectionLost):
        await seconds_of(taped.client, broken)
    async with frames_of(taped.client, steady, lambda *_: None) as frames:
        await anext(frames)

    await taped.close()
    ends = [line for line in lines(tmp_path / "tape") if line.get("what") in {"failed", "closed"}]
    assert [(line["what"], line.get("error", "")) for line in ends] == [
        ("failed", "ConnectionLost"),
        ("closed", ""),
    ]
    assert ends[0]["text"] == f"the engine at {engine.host} broke the connection off."


async def test_refusals_and_lost_engines_are_written(engine, tmp_path):
    """The engine's words with their status; an engine that is not there as an error."""
    taped = Taped(tmp_path / "tape", engine.host)
    await taped.client.connect()
    with pytest.raises(NoSuchContainer):
        await taped.client.inspect("none")
    await taped.close()
    away = Taped(tmp_path / "tape2", f"unix://{tmp_path}/none")
    with pytest.raises(EngineUnreachable):
        await away.client.connect()
    await away.close()

    assert lines(tmp_path / "tape")[-2]["status"] == 404
    assert "No such container" in lines(tmp_path / "tape")[-2]["text"]
    assert lines(tmp_path / "tape2")[-2]["error"] == "EngineUnreachable"


async def test_no_secret_gets_into_the_file(engine, tmp_path):
    """Neither environment nor arguments nor mounts, wherever the engine sends them."""
    container = engine.add("web", lambda c: c.json({}))
    engine.listed[0] |= {"Command": f"sh -c {SECRET}", "Mounts": [{"Source": SECRET}]}
    engine.replies[f"/containers/{container}/json"] = lambda c: c.json(
        {
            "Id": container,
            "Args": [SECRET],
            "Config": {"Env": [f"PASSWORD={SECRET}"], "Cmd": [SECRET]},
            "State": {"Status": "running", "Health": {"Log": [{"Output": SECRET}]}},
        },
        headers=f"X-Token: {SECRET}\r\n",
    )
    taped = Taped(tmp_path / "tape", engine.host)
    await taped.client.connect()

    await taped.client.containers(stopped=True)
    await taped.client.inspect(container)

    await taped.close()
    text = json.dumps(lines(tmp_path / "tape"))
    assert "web" in text
    assert SECRET not in text


async def test_times_are_those_of_the_clock(engine, tmp_path):
    """Seconds since the header's time, to the microsecond."""
    clock = ManualClock()
    taped = Taped(tmp_path / "tape", engine.host, clock)
    await taped.client.connect()
    await clock.advance(12.3456789)
    await taped.client.containers()
    await taped.close()

    times = [line["t"] for line in lines(tmp_path / "tape")[1:]]
    assert times == [0.0] * 4 + [12.345679] * 3
    assert lines(tmp_path / "tape")[0]["time"] == 1000.0
