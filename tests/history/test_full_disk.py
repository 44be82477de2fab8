"""A real disk that is full: one sentence, and it goes on by itself."""

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from history.made import T0, WEB, a_row, ask
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.history import recording
from tidegauge.history.block import STANDARD
from tidegauge.history.options import HistoryOptions
from tidegauge.history.recording import Recorder
from tidegauge.history.rows import Row
from tidegauge.history.writing import Writer
from waiting import wait_until_async


class SmallDisk:
    """A file system in memory where it may be mounted; elsewhere a limit on the size of files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self._filler = folder, folder / "filler"
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        self.mounted = os.geteuid() == 0 and (
            subprocess.run(mount, capture_output=True, check=False).returncode == 0
        )
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        if not self.mounted:
            biggest = max(file.stat().st_size for file in self.folder.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (biggest, self._limits[1]))
            return
        with self._filler.open("wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        self.free()
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "disk")
    yield small
    small.close()


class CountedWriter(Writer):
    """Counts how often it was asked to write."""

    tries = 0

    def write(self, batch):
        self.tries += 1
        return super().write(batch)


class Now(SystemClock):
    """At the time of the rows."""

    def now(self) -> float:
        return T0 / 1000


@pytest.mark.parametrize("from_the_start", [False, True])
async def test_it_goes_on_when_there_is_room_again(disk, monkeypatch, from_the_start):
    """Nothing that came meanwhile is lost."""
    monkeypatch.setattr(recording, "COMMIT_SECONDS", 0.02)
    monkeypatch.setattr(recording, "RETRY_SECONDS", 0.1)
    journal, sentences = a_journal()
    path = disk.folder / "history.db"
    writer = CountedWriter(path, HistoryOptions().kept, (STANDARD,), lambda: None)
    recorder = Recorder(writer, Now(), journal)
    running = asyncio.create_task(recorder.run())
    count = 0

    def rows(amount: int) -> None:
        nonlocal count
        for _ in range(amount):
            noise = hash((count, "cpu")) & 2**60 - 1
            noisy = a_row(0, noise, count)
            recorder.several([Row(WEB, noisy.shape, T0 + count * 1000, noisy.values)])
            count += 1

    if not from_the_start:
        rows(3)
        await wait_until_async(lambda: not recorder._gathering.rows, 10, "they are in the file")
    elif not disk.mounted:
        (disk.folder / "something").write_bytes(b"x")
    disk.fill()
    rows(2000)
    await wait_until_async(lambda: recorder.trouble, 10, "the disk is full")
    rows(1000)
    tries = writer.tries
    await wait_until_async(lambda: writer.tries > tries + 1, 10, "it was tried again")
    disk.free()
    await wait_until_async(lambda: not recorder.trouble, 10, "there is room again")
    rows(5)
    recorder.end()
    await running
    await recorder.close()

    memory = (await asyncio.to_thread(ask, path, 0, 5000, 0, "memory"))[0]
    assert memory.mean == [*range(count)]
    assert len(sentences) == 2
    assert sentences[0].startswith(f"the history {path} ")
    assert sentences[0].endswith(" What comes meanwhile waits in memory.")
    assert sentences[1] == "history is written again"
    if disk.mounted:
        assert "o space" in sentences[0] or "is full" in sentences[0], sentences
