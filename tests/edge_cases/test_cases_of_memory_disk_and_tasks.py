"""Edge cases of memory, block IO and tasks: what differs between kernels, and what means "none"."""

import json

import pytest

from edge_cases.chain import all_edited, chained, edited, side_by_side
from recorded import a_container, lines, streams
from tidegauge.doubts import UNCOUNTED_IN_A_ROW
from tidegauge.metrics.catalogue import MEMORY_EFFECTIVE_LIMIT

V1 = "docker-20.10.24-cgroup1"
V2 = "docker-26.1.5-cgroup2"
BURN = lines(f"{V1}/stats-stream-burn")
BARE = lines("docker-26.1.5-cgroup2-nocontrollers/stats-stream-burn")
COUNTED = lines(f"{V1}/stats-stream-io-counted")
PODMAN = lines("podman-5.4.2-cgroup1/stats-stream-memw")
IO_V2 = lines(f"{V2}/stats-stream-io")

NONE_V1 = 9223372036854771712
NONE_V2 = 2**64 - 1


def blkio(line: str) -> object:
    return json.loads(line)["blkio_stats"]["io_service_bytes_recursive"]


def disk_series(some: list[str]) -> set[str]:
    return {name for name in chained(some).names() if name.startswith("disk.")}


def test_case_16_null_lists_of_block_io_are_unsupported_and_empty_ones_of_v2_are_zero() -> None:
    """Null, and an empty list of v1 (where most devices are not counted), tell nothing.

    An empty list of v2 is no IO yet, so what comes then counts from zero. Recorded: a host without
    the io controller, one with v1, one with v2 (its first list emptied by hand).
    """
    assert blkio(BARE[0]) is None
    assert blkio(BURN[0]) == []
    assert disk_series(BARE) == disk_series(BURN) == set()

    begun = chained([edited(IO_V2[0], blkio_stats__io_service_bytes_recursive=[]), IO_V2[1]])

    assert begun.total("disk.io.sum", "write") == sum(
        entry["value"] for entry in blkio(IO_V2[1]) if entry["op"] == "write"
    )
    assert json.loads(IO_V2[0])["blkio_stats"]["io_serviced_recursive"] is None
    assert disk_series(IO_V2) == {"disk.io", "disk.io.sum"}  # operations: null, so not told


@pytest.mark.parametrize("some", [COUNTED, IO_V2], ids=["v1", "v2"])
def test_case_17_operations_are_read_and_write_in_any_case_and_nothing_else(
    some: list[str],
) -> None:
    """``Read`` of v1, ``read`` of v2 and ``READ`` are one; nothing else is added to the bytes.

    Recorded lines of both, then edited by hand: other case, ``rios`` and ``wios`` beside them.
    """

    def other(line: str) -> str:
        entries = [{**entry, "op": entry["op"].upper()} for entry in blkio(line)]
        strange = [
            {**entries[0], "op": op, "value": 10**15} for op in ("rios", "wios", "Total", "")
        ]
        return edited(line, blkio_stats__io_service_bytes_recursive=[*entries, *strange])

    plain, changed = chained(some), chained([other(line) for line in some])

    for way in ("read", "write"):
        raw = [
            sum(entry["value"] for entry in blkio(line) if entry["op"].lower() == way)
            for line in some
        ]
        assert plain.total("disk.io.sum", way) == raw[-1]
        assert sum(plain.samples("disk.io.sum", way)) == raw[-1] - raw[0] > 0
        assert changed.samples("disk.io.sum", way) == plain.samples("disk.io.sum", way)


def test_case_18_an_unlimited_number_of_tasks_has_no_limit() -> None:
    """2^64-1 means none: the series is absent, and no number above 2^62 gets to an exporter.

    Recorded: v2 sends it so; the limit of 50 is put in by hand.
    """
    assert json.loads(IO_V2[0])["pids_stats"]["limit"] == NONE_V2

    chain = chained(IO_V2)
    limited = chained(all_edited(IO_V2, pids_stats__limit=50))

    assert "pids.limit" not in chain.names()
    assert min(chain.samples("pids.count")) > 0
    assert set(limited.samples("pids.limit")) == {50}


def test_case_19_the_limit_of_an_unlimited_container_is_the_hosts_memory() -> None:
    """Engines put the host's memory there, and so it is told; the help of the metric says it.

    A limit of its own is known from inspection only, and told as another metric. Recorded: two
    containers without a limit have the same one, a limited container its own 64 MB.
    """
    limits = {
        name: set(chained(lines(f"{V1}/stats-stream-{name}")).samples("memory.limit.effective"))
        for name in ("burn", "two", "memw")
    }

    assert limits["burn"] == limits["two"] == {25276510208}
    assert limits["memw"] == {64 * 2**20}
    assert "the host's memory where the container has none" in MEMORY_EFFECTIVE_LIMIT.help
    assert "memory.limit.current" not in chained(BURN).names()


@pytest.mark.parametrize("none", [NONE_V1, NONE_V2, 2**63 - 4096], ids=["v1", "v2", "page"])
def test_case_20_a_limit_of_2_62_or_more_is_no_limit(none: int) -> None:
    """The kernel's number for "unlimited" becomes no series, neither of the limit nor of a share.

    Recorded: v1 has it as ``hierarchical_memory_limit``; put into ``limit`` by hand.
    """
    hierarchical = json.loads(BURN[0])["memory_stats"]["stats"]["hierarchical_memory_limit"]
    assert hierarchical == NONE_V1

    chain = chained(all_edited(BURN, memory_stats__limit=none))

    assert "memory.usage" in chain.names()
    assert not chain.names() & {"memory.limit.effective", "memory.limit.utilization"}


def test_case_21_memory_accounting_switched_off_is_said_with_the_remedy() -> None:
    """No series of zeros; one sentence for the engine, once, that says what to do.

    Recorded: a host without controllers; its five lines as those of three containers.
    """
    three = [a_container(id=name, alias=name) for name in ("a", "b", "c")]

    chain = side_by_side((container, line) for line in BARE for container in three)

    assert len(BARE) * len(three) > UNCOUNTED_IN_A_ROW
    assert not {name for name in chain.names() if name.startswith(("memory", "cpu", "pids"))}
    assert chain.journal.counts == {"no memory accounting": 1, "no cpu accounting": 1}
    assert chain.sentences[0] == (
        "engine e does not know what its containers use of memory: memory accounting is off on its"
        " host. Add cgroup_enable=memory to its kernel's command line and start it again."
    )
    assert chain.sentences[1].startswith("engine e does not know what its containers use of CPU:")


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_host_with_accounting_is_said_to_have_none(path) -> None:
    """A dying container may lack its memory for a moment; that is no trouble of the host."""
    some = path.read_text(encoding="utf-8").splitlines()

    chain = chained(some, a_container(path.parent.name))

    assert not [code for code in chain.journal.counts if "accounting" in code]


def test_case_22_more_inactive_cache_than_usage_is_a_working_set_of_zero() -> None:
    """The two are read at different moments; the difference never goes below 0, nor up to usage.

    Recorded lines, the inactive cache edited by hand.
    """
    usage = json.loads(BURN[0])["memory_stats"]["usage"]

    chain = chained(all_edited(BURN[:3], memory_stats__stats__total_inactive_file=usage * 100))

    assert chain.samples("memory.working_set") == [0, 0, 0]
    assert min(chain.samples("memory.usage")) > 0


def test_case_34_failcnt_is_told_by_what_it_counts() -> None:
    """It counts limit hits on v1 and lack of memory on v2: an attribute says which.

    Docker leaves it out while it is 0, so the first that is seen counts whole. Recorded: both.
    """
    v1 = chained(lines(f"{V1}/oomchild-stream"))
    v2 = chained(lines(f"{V2}/oom-stream"))

    assert v1.total("memory.fails", "limit") == 106
    assert sum(v1.samples("memory.fails", "limit")) == 106
    assert v2.total("memory.fails", "oom") == 2
    assert not v1.series("memory.fails", "oom")
    assert not v2.series("memory.fails", "limit")
    assert "memory.fails" not in chained(PODMAN, a_container("podman")).names()


def test_case_35_the_highest_usage_is_told_where_the_kernel_has_it() -> None:
    """v1 sends ``max_usage``, v2 does not: there the series is absent, not 0.

    The highest of the samples is told of both. Recorded: both.
    """
    v1, v2 = chained(BURN), chained(lines(f"{V2}/stats-stream-memw"))

    assert min(v1.samples("memory.usage.max")) >= max(v1.samples("memory.usage"))
    assert "memory.usage.max" not in v2.names()
    for chain in (v1, v2):
        usage = chain.samples("memory.usage")
        highest = [max(usage[: n + 1]) for n in range(len(usage))]
        assert chain.samples("memory.usage.peak") == highest


def test_the_sampled_peak_is_of_the_present_life() -> None:
    """A container that was restarted begins anew. Recorded: a restart among others."""
    some = lines(f"{V1}/lifecycle-stream")
    begun = all_edited(some[:2], memory_stats__usage=10**9)

    peaks = chained([*begun, *some[2:]]).samples("memory.usage.peak")

    assert max(peaks) == 10**9
    assert peaks[-1] < 10**7
