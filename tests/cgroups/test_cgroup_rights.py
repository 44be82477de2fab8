"""What is read without the rights of root: what may be, and the rest is absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from captured_machine import CapturedMachine

from tidegauge.docker.frames import PidsStats
from tidegauge.errors import OutOfReach

NOBODY = 65534


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything; others may not."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def hybrid():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield CapturedMachine("hybrid", Path(folder))


def test_processes_that_are_hidden(hybrid):
    """So it is with hidepid; the sentence says what to do."""
    hybrid.process.chmod(0)

    with nobody(), pytest.raises(OutOfReach, match="hidepid"):
        hybrid.open()
    hybrid.process.chmod(0o755)


def test_files_that_may_not_be_read(hybrid):
    """They are absent and the others are there; that is no garbage."""
    for name in ("memory.stat", "memory.failcnt", "pids.current", "cpu.stat"):
        hybrid.file(name).chmod(0)
    with nobody():
        _, probe = hybrid.open()
        frame = probe.read()
        probe.close()

    assert (frame.memory_stats.usage, frame.memory_stats.max_usage) == (65728512, 67108864)
    assert frame.memory_stats.stats is frame.memory_stats.failcnt is None
    assert frame.memory_stats.limit is None
    assert frame.pids_stats == PidsStats(None, 50)
    assert frame.cpu_stats.throttling_data is None
    assert frame.cpu_stats.cpu_usage.total_usage == 1484372791
    assert hybrid.garbled == []


def test_whose_network_it_is_may_be_hidden(hybrid):
    """Then the engine's word decides, and each container's is read by itself."""
    (hybrid.process / "ns").mkdir(mode=0)
    with nobody():
        _, probe = hybrid.open("host")
        _, other = hybrid.open("bridge")
        networks = probe.read().networks, other.read().networks
        probe.close()
        other.close()
    (hybrid.process / "ns").chmod(0o755)

    assert networks[0] is None
    assert networks[1]["eth0"].rx_bytes == 976
