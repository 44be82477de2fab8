"""Frames of containers on machines with cgroup v1 (beside the tree of v2) and v2."""

import errno
import os
import re
from datetime import UTC, datetime

import pytest
from captured_machine import CapturedMachine, descriptors
from msgspec.structs import replace

from tidegauge.docker.frames import (
    UNLIMITED,
    BlkioEntry,
    BlkioStats,
    CpuStats,
    CpuUsage,
    MemoryDetail,
    MemoryStats,
    NetworkStats,
    PidsStats,
    Pressure,
    Stall,
    StatsFrame,
    Throttling,
)
from tidegauge.errors import OutOfReach

AT = datetime.fromtimestamp(1000, UTC)


@pytest.fixture
def hybrid(tmp_path):
    return CapturedMachine("hybrid", tmp_path)


@pytest.fixture
def unified(tmp_path):
    return CapturedMachine("unified", tmp_path)


def frames(machine, count=1):
    reader, probe = machine.open()
    for _ in range(count):
        reader.begin()
        yield probe.read()


def test_all_of_version_1(hybrid):
    """Each number is the file's, in the units of the API; user and system time in microseconds."""
    (frame,) = frames(hybrid)

    assert frame == StatsFrame(
        AT,
        CpuStats(
            CpuUsage(1484372791, 129352000, 1355019000),
            (1164190 + 765411 + 203280 + 806723 + 5748 + 0 + 7488) * 10_000_000,
            2,
            Throttling(79, 72, 5537190953, 0, 0),
        ),
        MemoryStats(
            usage=65728512,
            max_usage=67108864,
            limit=67108864,
            stats=MemoryDetail(63053824, 63062016, 53248, 1949, 0),
            failcnt=9176,
            swap=0,
            oom_kills=0,
        ),
        {"eth0": NetworkStats(976, 12, 0, 0, 410, 5, 0, 0)},
        BlkioStats(
            [BlkioEntry(7, 0, "Read", 0), BlkioEntry(7, 0, "Write", 3276800)],
            [BlkioEntry(7, 0, "Read", 0), BlkioEntry(7, 0, "Write", 50)],
        ),
        PidsStats(1, 50),
        Pressure(Stall(5473121, 5467831), Stall(26831, 26827), Stall(1831, 1831)),
        "cgroup",
    )
    assert hybrid.garbled == []


def test_all_of_version_2(unified):
    """So in v2, where no limit is the host's memory, and an interface of the kernel's is none."""
    (frame,) = frames(unified)

    assert frame == StatsFrame(
        AT,
        CpuStats(
            CpuUsage(42146038000, 7183430000, 34962607000),
            2631440000000,
            2,
            Throttling(1450, 1165, 57528142000, 4, 1500000),
        ),
        MemoryStats(
            usage=335872,
            max_usage=4100096,
            limit=2021552 * 1024,
            stats=MemoryDetail(inactive_file=0, file=0, anon=61440, pgfault=915, pgmajfault=0),
            failcnt=2,
            swap=12288,
            oom_kills=1,
        ),
        {"eth0": NetworkStats(866, 11, 0, 2, 42, 1, 3, 0)},
        BlkioStats(
            [BlkioEntry(254, 0, "read", 1179648), BlkioEntry(254, 0, "write", 8192)],
            [BlkioEntry(254, 0, "read", 54), BlkioEntry(254, 0, "write", 2)],
        ),
        PidsStats(1, UNLIMITED),
        Pressure(Stall(85851, 28617), Stall(0, 0), Stall(312, 104)),
        "cgroup",
    )
    assert unified.garbled == []


@pytest.mark.parametrize("name", ["hybrid", "unified"])
def test_what_did_not_change_is_the_same_object(name, tmp_path):
    """Later stages see by identity that there is nothing to do, in whole looks too."""
    first, *others = frames(CapturedMachine(name, tmp_path), 25)

    for frame in others:
        assert replace(frame, read=first.read) == first
        assert frame.cpu_stats.cpu_usage is first.cpu_stats.cpu_usage
        assert frame.cpu_stats.throttling_data is first.cpu_stats.throttling_data
        assert frame.memory_stats is first.memory_stats
        assert frame.networks is first.networks
        assert frame.blkio_stats is first.blkio_stats
        assert frame.pids_stats is first.pids_stats
        assert frame.pressure is first.pressure


USED = {
    "hybrid": ("cpuacct.usage", "1484372792\n"),
    "unified": ("cpu.stat", "usage_usec 42146039\nuser_usec 34962608\nsystem_usec 7183430\n"),
}


@pytest.mark.parametrize("name", ["hybrid", "unified"])
def test_a_container_that_did_not_run_is_hardly_read(name, tmp_path):
    """What can't have changed is not read; all is after it ran, and now and then all the same."""
    machine = CapturedMachine(name, tmp_path)
    _, probe = machine.open()
    _, _, whole = probe.read(), probe.read(), probe.read()
    machine.write("pids.current", "2\n")

    asleep = [probe.read().pids_stats.current for _ in range(80)]
    machine.write("pids.current", "3\n")
    machine.write(*USED[name])
    ran = probe.read()

    assert whole.pids_stats.current == 1
    assert asleep[:39] == [1] * 39
    assert asleep[-1] == 2
    assert ran.pids_stats.current == 3


@pytest.mark.parametrize(
    ("name", "usage"), [("hybrid", "memory.usage_in_bytes"), ("unified", "memory.current")]
)
def test_memory_taken_from_a_sleeping_container_shows(name, usage, tmp_path):
    """Its usage is read always, and with it what it consists of."""
    machine = CapturedMachine(name, tmp_path)
    _, probe = machine.open()
    before = probe.read().memory_stats.stats
    stat = machine.file("memory.stat")
    stat.write_text(stat.read_text().replace("anon 61440", "anon 1").replace("rss 53248", "rss 1"))

    asleep = probe.read().memory_stats.stats
    machine.write(usage, "300000\n")
    taken = probe.read().memory_stats
    stat.write_text(stat.read_text().replace("anon 1\n", "anon 2\n").replace("rss 1\n", "rss 2\n"))
    later = [probe.read().memory_stats.stats for _ in range(10)]

    assert asleep is before
    assert {later[-1].anon, later[-1].total_rss} == {None, 2}
    assert taken.usage == 300000
    assert 1 in {taken.stats.anon, taken.stats.total_rss}


def test_without_any_cpu_time_told_nothing_is_taken_to_stand_still(hybrid):
    """Whether it ran is not known, so all that it may have done is read."""
    hybrid.file("cpuacct.usage").unlink()
    _, probe = hybrid.open()
    told = []
    for count in range(20):
        hybrid.write("pids.current", f"{count}\n")
        told.append(probe.read().pids_stats.current)

    assert told == [*range(20)]


def test_periods_of_a_quota_go_on_in_version_2_without_running(unified):
    """They are counted by a timer, and stand behind the times."""
    _, probe = unified.open()
    stat = unified.file("cpu.stat")
    told = []
    for count in range(1460, 1480):
        stat.write_text(re.sub(r"nr_periods \d+", f"nr_periods {count}", stat.read_text()))
        told.append(probe.read().cpu_stats.throttling_data.periods)

    assert told == [*range(1460, 1480)]


@pytest.mark.parametrize(("name", "used"), [("hybrid", 1484372792), ("unified", 42146039000)])
def test_what_was_found_before_memory_ran_out_is_told_after_it(name, used, tmp_path):
    """A look that fails half-way leaves nothing behind that only it has seen."""
    machine = CapturedMachine(name, tmp_path)
    _, probe = machine.open()
    for _ in range(3):
        assert probe.look() in {True, False}
        probe.frame()
    machine.write(*USED[name])
    charged = probe._meter._charged
    kept = charged._opened, charged._read
    charged._opened, charged._read = None, Failing(errno.ENOMEM)
    with pytest.raises(OutOfReach):
        probe.look()
    charged._opened, charged._read = kept

    assert probe.look()
    assert probe.frame().cpu_stats.cpu_usage.total_usage == used


def test_one_that_slept_for_long_is_read_by_two_numbers_and_wakes_at_once(hybrid):
    """Pressure of IO is one of those it is woken by, until it has been calm for some seconds."""
    _, probe = hybrid.open()
    assert [probe.look() for _ in range(2)] == [True, True]  # nobody has taken a frame so far
    probe.frame()
    assert not any(probe.look() for _ in range(4))
    hybrid.write("io.pressure", "some avg10=0 avg60=0 avg300=0 total=9000000\n")
    assert probe.look()
    probe.frame()
    assert not any(probe.look() for _ in range(30))
    hybrid.write("cpuacct.usage", "1484372792\n")
    assert probe.look()
    assert probe.frame().cpu_stats.cpu_usage.total_usage == 1484372792


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("hybrid", "cpuacct.usage", "1484372792\n"),
        ("hybrid", "memory.usage_in_bytes", "8192\n"),
        ("unified", "cpu.stat", "usage_usec 42146039\nuser_usec 1\nsystem_usec 1\n"),
        ("unified", "memory.current", "8192\n"),
        ("unified", "io.stat", "254:0 rbytes=1179648 wbytes=9999999 rios=54 wios=9\n"),
    ],
)
def test_whatever_moves_in_one_that_slept_for_long_shows_at_the_next_look(
    name, file, text, tmp_path
):
    """Between two whole looks too, and once: afterwards it sleeps on."""
    machine = CapturedMachine(name, tmp_path)
    _, probe = slept_for_long(machine)
    machine.write(file, text)
    assert probe.look()
    probe.frame()
    assert not any(probe.look() for _ in range(9))


@pytest.mark.parametrize("name", ["hybrid", "unified"])
def test_the_end_of_one_that_slept_for_long_shows_at_the_next_look(name, tmp_path, monkeypatch):
    """A cgroup that is gone says so for ever; where memory runs out, it is only not read."""
    _, probe = slept_for_long(CapturedMachine(name, tmp_path))
    monkeypatch.setattr("tidegauge.cgroups.reader.pread", Failing(errno.ENOMEM))
    with pytest.raises(OutOfReach):
        probe.look()
    monkeypatch.undo()
    assert probe.look()
    probe.frame()
    for _ in range(25):
        probe.look()
    monkeypatch.setattr("tidegauge.cgroups.reader.pread", Failing(errno.ENODEV))
    assert [probe.look(), probe.look()] == [None, None]


def test_one_that_sleeps_is_read_whole_half_as_often_until_it_wakes(hybrid):
    """Each twenty seconds instead of ten: what nobody would see earlier is seen then."""
    stat = hybrid.file("memory.stat")
    _, probe = slept_for_long(hybrid)

    def looks_until_seen(number):
        stat.write_text(re.sub(r"total_rss \d+", f"total_rss {number}", stat.read_text()))
        return next(count for count in range(1, 60) if probe.look() and probe.frame())

    looks_until_seen(1)
    assert looks_until_seen(2) == 20
    hybrid.write("cpuacct.usage", "1484372792\n")
    assert probe.look()
    probe.frame()
    assert looks_until_seen(3) == 10


def slept_for_long(machine):
    """With its reader; without a quota, of which periods would be looked at."""
    if machine.file("cpu.stat").read_text().startswith("usage_usec"):
        machine.write("cpu.stat", "usage_usec 42146038\nuser_usec 1\nsystem_usec 1\n")
    reader, probe = machine.open()
    for _ in range(25):
        if probe.look():
            probe.frame()
    assert not any(probe.look() for _ in range(3))
    return reader, probe


def test_waiting_for_a_disk_shows_without_any_cpu(hybrid):
    """Pressure of IO is read always: who hangs in it does not run."""
    _, probe = hybrid.open()
    probe.read()
    hybrid.write("io.pressure", "some avg10=0 avg60=0 avg300=0 total=9000000\n")

    assert probe.read().pressure.io == Stall(9000000, None)


def test_version_2_counts_what_is_written_later(unified):
    """Written back to the disk for a container that sleeps, it is charged to it all the same."""
    _, probe = unified.open()
    probe.read()
    unified.write("io.stat", "254:0 rbytes=1179648 wbytes=9999999 rios=54 wios=9\n")

    assert probe.read().blkio_stats.io_service_bytes_recursive[1].value == 9999999


def test_block_io_that_nobody_counts_is_unknown(hybrid):
    """Only a total of 0: the kernel counts where a rule is set, and this is no 0."""
    hybrid.write("blkio.throttle.io_service_bytes_recursive", "Total 0\n")

    (frame,) = frames(hybrid)

    assert frame.blkio_stats is None


@pytest.mark.parametrize(
    ("controller", "absent"),
    [
        ("cpuacct", lambda f: f.cpu_stats.cpu_usage.total_usage),
        ("cpu", lambda f: f.cpu_stats.throttling_data),
        ("memory", lambda f: f.memory_stats),
        ("blkio", lambda f: f.blkio_stats),
        ("pids", lambda f: f.pids_stats),
        ("unified", lambda f: f.pressure),
    ],
)
def test_a_controller_that_is_not_mounted_is_absent(controller, absent, hybrid):
    """It is never 0, and the others are there."""
    mountinfo = hybrid.proc / "self/mountinfo"
    lines = mountinfo.read_text().splitlines(keepends=True)
    mountinfo.write_text("".join(each for each in lines if f"/{controller} rw" not in each))

    (frame,) = frames(hybrid)

    assert absent(frame) is None
    assert frame.networks is not None
    assert hybrid.garbled == []


@pytest.mark.parametrize(
    ("name", "file", "text", "absent"),
    [
        ("hybrid", "cpuacct.usage", "1484", lambda f: f.cpu_stats.cpu_usage.total_usage),
        ("hybrid", "cpuacct.usage", "-5\n", lambda f: f.cpu_stats.cpu_usage.total_usage),
        ("hybrid", "cpu.stat", "nr_periods 79\nnr_thro", lambda f: f.cpu_stats.throttling_data),
        ("hybrid", "memory.usage_in_bytes", "lots\n", lambda f: f.memory_stats.usage),
        ("hybrid", "memory.stat", "cache 5\nrss", lambda f: f.memory_stats.stats),
        ("hybrid", "memory.stat", "total_rss -1\n", lambda f: f.memory_stats.stats),
        ("hybrid", "memory.failcnt", "", lambda f: f.memory_stats.failcnt),
        (
            "hybrid",
            "blkio.throttle.io_service_bytes_recursive",
            "7:0 Read x\n",
            lambda f: f.blkio_stats,
        ),
        ("hybrid", "pids.current", "\0\0\n", lambda f: f.pids_stats.current),
        ("hybrid", "io.pressure", "some avg10=0.00 avg", lambda f: f.pressure.io),
        ("unified", "cpu.stat", "usage_usec\n", lambda f: f.cpu_stats.cpu_usage),
        ("unified", "memory.max", "nan\n", lambda f: f.memory_stats.limit),
        ("unified", "memory.events", "oom two\n", lambda f: f.memory_stats.oom_kills),
        ("unified", "io.stat", "254:0 rbytes=ff\n", lambda f: f.blkio_stats),
        ("unified", "cpu.pressure", "full total=0\n", lambda f: f.pressure.cpu),
    ],
)
def test_garbage_is_absent_and_called_so(name, file, text, absent, tmp_path):
    """A file that is cut or is no such file tells nothing, and all others do."""
    machine = CapturedMachine(name, tmp_path)
    machine.write(file, text)

    *_, frame = frames(machine, 3)

    assert absent(frame) is None
    assert {*machine.garbled} == {file.rpartition("/")[2]}
    assert frame.networks is not None


def test_a_frame_without_its_network(hybrid):
    """One of the kernel's files less is no reason for none."""
    (hybrid.process / "net/dev").write_text("Inter-|\n face |\n  eth0: 1 2\n")

    (frame,) = frames(hybrid)

    assert frame.networks is None
    assert frame.cpu_stats.cpu_usage.total_usage == 1484372791
    assert hybrid.garbled == ["dev"]


def test_the_hosts_network_is_not_the_containers(hybrid):
    """With it, the API has no networks either."""
    _, probe = hybrid.open("host")

    assert probe.read().networks is None


def test_a_machine_that_tells_nothing_of_itself(hybrid):
    """Its capacity is absent, and a limit beyond any memory is left as it is."""
    (hybrid.proc / "stat").unlink()
    (hybrid.proc / "meminfo").unlink()

    (frame,) = frames(hybrid)

    assert frame.cpu_stats.system_cpu_usage is frame.cpu_stats.online_cpus is None
    assert frame.memory_stats.limit == 67108864


class Failing:
    """A file that cannot be read."""

    def __init__(self, number):
        self._number = number

    def __call__(self, *_: object) -> bytes:
        raise OSError(self._number, os.strerror(self._number))


def test_a_run_that_is_over(hybrid):
    """Its files answer that there is no such device, and are closed; so often as it is asked."""
    _, probe = hybrid.open()
    probe.read()
    before = descriptors()
    probe._meter._charged._opened, probe._meter._charged._read = None, Failing(errno.ENODEV)

    assert probe.read() is None
    probe.close()

    assert descriptors() < before - 10


def test_nothing_to_read_at_all(hybrid):
    """Without any file it is out of reach, and what was opened is closed."""
    before = descriptors()
    for controller in ("cpuacct", "memory"):
        for file in (hybrid.cgroup / controller).rglob("*.*"):
            file.unlink()

    with pytest.raises(OutOfReach, match="as root"):
        hybrid.open()

    assert descriptors() == before


def test_without_the_tree_of_v2_user_and_kernel_time_come_in_ticks(hybrid):
    """As the engine itself reads them."""
    mountinfo = hybrid.proc / "self/mountinfo"
    lines = mountinfo.read_text().splitlines(keepends=True)
    mountinfo.write_text("".join(each for each in lines if "/unified rw" not in each))

    (frame,) = frames(hybrid)

    usage = frame.cpu_stats.cpu_usage
    assert (usage.usage_in_usermode, usage.usage_in_kernelmode) == (1_350_000_000, 120_000_000)


def test_the_highest_use_is_never_less_than_what_is_used(hybrid):
    """The kernel's own is read now and then, what is used with every sample."""
    _, probe = hybrid.open()
    before = probe.read().memory_stats
    more = before.max_usage + 4096
    hybrid.write("memory.usage_in_bytes", f"{more}\n")

    assert probe.read().memory_stats.max_usage == more


def test_lines_of_io_that_a_kernel_does_not_end_are_told_apart(unified):
    """Of devices without numbers: the next device follows on the same line."""
    unified.write("io.stat", "7:7 7:6 254:0 rbytes=4096 wbytes=8192 rios=1 wios=2\n")

    (frame,) = frames(unified)

    sizes = frame.blkio_stats.io_service_bytes_recursive
    assert [(each.major, each.minor, each.value) for each in sizes] == [
        (254, 0, 4096),
        (254, 0, 8192),
    ]
    assert unified.garbled == []
