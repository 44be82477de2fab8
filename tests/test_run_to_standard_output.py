"""``tidegauge run`` with lines on standard output: what else uses it, and who stops reading."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from command import TIDEGAUGE, environment
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming

pytestmark = pytest.mark.program

CONFIG = """
tick_interval = "100ms"
[[engines]]
host = "unix://{folder}/s"
[web]
listen = ""
[exporters.file]
flush_interval = "100ms"
"""


async def started(folder: Path) -> asyncio.subprocess.Process:
    """The program, with both outputs of its own."""
    path = folder / "x.toml"
    path.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return await asyncio.create_subprocess_exec(
        *TIDEGAUGE,
        *("run", "-c", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )


async def test_only_lines_are_on_standard_output(tmp_path: Path) -> None:
    """Every line of it can be read by a program, up to the last flush; the log is elsewhere."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("web", streaming(frame(1, 1000), frame(2, 2000)))
        program = await started(tmp_path)
        assert program.stdout is not None
        async with asyncio.timeout(20):
            seen = [await program.stdout.readline()]
            while b"container.cpu.usage" not in seen[-1]:
                seen.append(await program.stdout.readline())
        program.send_signal(signal.SIGTERM)
        out, err = await program.communicate()
    assert program.returncode == 0
    read = [json.loads(line) for line in (b"".join(seen) + out).splitlines()]
    assert {line["container"] for line in read if "container" in line} == {"web"}
    assert "container.cpu.usage" in {line["metric"] for line in read}
    assert b"metrics go out" in err
    assert b"Traceback" not in err


async def test_a_reader_that_has_seen_enough_stops_no_monitor(tmp_path: Path) -> None:
    """``| head -1``: told once, and the program goes on to its ordinary end."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("web", streaming(frame(1, 1000), frame(2, 2000)))
        program = await started(tmp_path)
        assert program.stdout is not None
        assert program.stderr is not None
        async with asyncio.timeout(20):
            await program.stdout.readline()
            program.stdout._transport.close()  # type: ignore[attr-defined]
            log = b""
            while b"standard output cannot be written: broken pipe." not in log:
                log += await program.stderr.readline()
        program.send_signal(signal.SIGTERM)
        rest = await program.stderr.read()
        assert await program.wait() == 0
    assert (log + rest).count(b"broken pipe") == 1
    assert b"stopped" in rest.splitlines()[-1]
