"""File systems of this machine are measured as the kernel says, and a hung one hangs nothing."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from manual_clock import ManualClock, settle
from tidegauge.clock import SystemClock
from tidegauge.docker.file_systems import PATIENCE, FileSystemMeter
from waiting import wait_until_async

KERNEL = "6.1"


async def test_a_file_system_is_as_full_as_the_kernel_says(tmp_path: Path) -> None:
    """In bytes; the number of inodes is absent where there is no such limit."""
    (found,) = await FileSystemMeter(SystemClock(), KERNEL).measure(KERNEL, [str(tmp_path)])
    kernel = os.statvfs(tmp_path)

    assert found.mountpoint == str(tmp_path)
    assert found.capacity == kernel.f_blocks * kernel.f_frsize
    assert 0 < found.usage < found.capacity
    assert 0 < found.available <= found.capacity - found.usage
    assert found.inodes == (kernel.f_files or None)


async def test_each_is_told_once_and_a_missing_one_not_at_all(tmp_path: Path) -> None:
    """Volumes on the file system of the data root are no news; nor is a path of another machine."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    paths = [str(tmp_path / "missing"), "", str(one), str(two), "/proc/self"]

    found = await FileSystemMeter(SystemClock(), KERNEL).measure(KERNEL, paths)

    assert [each.mountpoint for each in found] == [str(one)]  # and /proc has no size


@pytest.mark.parametrize(
    ("blocks", "inodes", "told"),
    [
        ((10, 4), (8, 3), [(40, 24, 8, 5)]),
        ((10, 4), (0, 0), [(40, 24, None, None)]),
        ((10, 4), (8, 9), [(40, 24, None, None)]),
        ((10, 11), (8, 3), []),
    ],
)
async def test_no_number_is_negative_whatever_a_server_says(
    tmp_path: Path, blocks: tuple[int, int], inodes: tuple[int, int], told: list[object]
) -> None:
    """All there are and those that are free: more of these makes no sense, and is not told."""
    numbers = (4, 4, *blocks, blocks[1], *inodes, inodes[1], 0, 255, 0)
    meter = FileSystemMeter(SystemClock(), KERNEL, lambda _: os.statvfs_result(numbers))
    found = await meter.measure(KERNEL, [str(tmp_path)])
    assert [(x.capacity, x.usage, x.inodes, x.inodes_used) for x in found] == told


async def test_one_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    """What was measured before it is told; nothing is asked while it hangs, and then it goes on."""
    clock, gate, asked = ManualClock(), threading.Event(), list[str]()

    def stat(path: str) -> os.statvfs_result:
        asked.append(path)
        if path == "/dev":
            gate.wait(30)
        return os.statvfs(path)

    meter = FileSystemMeter(clock, KERNEL, stat)
    paths = [str(tmp_path), "/dev"]
    measuring = asyncio.create_task(meter.measure(KERNEL, paths))
    await wait_until_async(lambda: asked == paths, 10, "the second hangs")
    await clock.advance(PATIENCE)
    assert [each.mountpoint for each in await measuring] == [str(tmp_path)]
    assert await meter.measure(KERNEL, paths) == ()
    assert asked == paths

    gate.set()

    async def answers() -> bool:
        again = asyncio.create_task(meter.measure(KERNEL, paths[:1]))
        await settle()
        await clock.advance(0)
        return len(await again) == 1

    await wait_until_async(answers, 10, "it answers again")


async def test_nothing_is_measured_for_an_engine_in_a_virtual_machine(tmp_path: Path) -> None:
    """Its socket may be here, and even its paths; its kernel tells that it is not."""
    meter = FileSystemMeter(SystemClock(), KERNEL)

    assert await meter.measure("6.1-linuxkit", [str(tmp_path)]) == ()
