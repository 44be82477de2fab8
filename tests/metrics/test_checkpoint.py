"""Totals go on where those of the last program ended: nothing counts twice, nothing is lost."""

from array import array

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, structs

from manual_clock import ManualClock
from recorded import a_container
from tidegauge.docker.frames import NetworkStats
from tidegauge.docker.intervals import Life
from tidegauge.metrics import Account, Registry
from tidegauge.metrics.registry import FORGET_AFTER
from tidegauge.metrics.totals import Sums, Totals
from tidegauge.readings import CpuReading, InterfaceTraffic, MemoryReading, NetworkReading

WEB = a_container()
ANOTHER = structs.replace(WEB, id="another")

CPU, FAULTS, FAILS = "container.cpu.time", "container.paging.faults", "container.memory.fails"
IO, ALL_IO = "container.network.io", "container.network.io.sum"


def found():
    """A life that goes on, as whoever comes later sees it."""
    return Life(from_birth=False)


def born():
    """A life whose start was seen."""
    return Life(from_birth=True)


class LaterClock(ManualClock):
    """So many seconds after another."""

    def __init__(self, seconds=0.0):
        super().__init__()
        self._passed = seconds


class Program:
    """One run of Tidegauge: a registry, which goes on from the accounts of the one before."""

    def __init__(self, before=None, *, later=10.0):
        self.registry = Registry({}, LaterClock(later if before else 0.0))
        if before is not None:
            written = json.encode(before.registry.accounts())
            self.registry.resume(json.decode(written, type=list[Account]))

    def cpu(self, total, life, container=WEB):
        unknown = dict.fromkeys(("user", "kernel", "system", "online", "cores", "throttling"))
        self.registry.cpu(CpuReading(container, life, total, **unknown))

    def memory(self, faults, fails, life):
        unknown = dict.fromkeys(("limit", "max_usage", "cache", "rss"))
        reading = MemoryReading(WEB, life, 1, 1, **unknown, minor_faults=faults, at_limit=fails)
        self.registry.memory(reading)

    def traffic(self, life, **received):
        traffic = (InterfaceTraffic(name, NetworkStats(n)) for name, n in received.items())
        self.registry.network(NetworkReading(WEB, life, tuple(traffic)))

    def told(self, name):
        """Total, and what this tick added, of each series, by the values of its attributes."""
        return {
            tuple(value for _, value in each.attributes): (each.last, sum(each.samples))
            for each in self.registry.collect(2000.0).series
            if each.metric.name == name
        }


def test_a_life_that_goes_on_is_counted_once():
    """With what it counted meanwhile; what was before it is still in the total."""
    first = Program()
    first.cpu(100, found())
    second_life = born()
    first.cpu(5, second_life)
    first.cpu(20, second_life)
    assert first.told(CPU) == {(): (120, 20)}

    second = Program(first)
    second.cpu(32, found())
    assert second.told(CPU) == {(): (132, 12)}


def test_a_life_that_began_meanwhile_counts_from_its_start():
    """It is another container, or has counted less than was seen."""
    first = Program()
    first.cpu(100, found())

    for total, container in ((30, WEB), (300, ANOTHER)):
        second = Program(first)
        second.cpu(total, found(), container)
        assert second.told(CPU) == {(): (100 + total, total)}


def test_all_that_engines_count_goes_on():
    """Faults, hits of the limit, each interface, and their sum, of which some were gone before."""
    first = Program()
    first.memory(10, 1, found())
    first.traffic(found(), eth0=100, eth1=50)
    next_life = born()
    first.memory(3, 2, next_life)
    first.traffic(next_life, eth0=7)
    assert first.told(ALL_IO) == {("receive",): (157, 7)}

    second = Program(first)
    second.memory(4, 5, found())
    second.traffic(found(), eth0=10)
    snapshot = second.registry.collect(2000.0)
    assert {
        (each.metric.name, *(value for _, value in each.attributes)): each.last
        for each in snapshot.series
        if each.metric.name in {FAULTS, FAILS, IO, ALL_IO}
    } == {
        (FAULTS, "minor"): 14,
        (FAILS, "limit"): 6,
        (IO, "receive", "eth0"): 110,
        (ALL_IO, "receive"): 160,
    }


def test_nothing_is_told_before_there_is_a_sample():
    """An account alone is no series."""
    first = Program()
    first.cpu(100, found())
    second = Program(first)

    assert second.told(CPU) == {}
    assert json.encode(second.registry.accounts()) == json.encode(first.registry.accounts())


def test_an_account_that_nobody_came_for_is_kept_for_a_day():
    """Its container may be made anew by the next program."""
    first = Program()
    first.cpu(100, found())
    third = Program(Program(first))
    third.cpu(101, found())
    assert third.told(CPU) == {(): (101, 1)}

    late = Program(first, later=FORGET_AFTER + 1)
    assert late.registry.accounts() == []


def test_totals_of_samples_that_go_on_are_written_as_any():
    """They come in rows of another kind."""
    totals, sums = Totals(), Sums()
    sums.put([totals], [totals.observe((1, 2), born()) or ()])
    rows = [array("q", row) for row in ((3, 4), (5, 6))]
    sums.extend([[row] for row in totals.extend(rows)], [])

    assert json.encode(totals.counted) == b'{"totals":[5,6],"seen":[5,6]}'
    assert json.encode(sums.counted) == b'{"totals":[5,6],"seen":[]}'


@given(
    st.lists(
        st.one_of(
            st.integers(0, 1000), st.sampled_from(["program", "restart", "restart meanwhile"])
        ),
        max_size=30,
    )
)
def test_programs_that_follow_each_other_count_as_one(steps):
    """Whatever happens to the container in between, and between them."""
    program, life = Program(), born()
    seen = whole = 0
    program.cpu(0, life)
    for step in steps:
        if step == "program":
            program, life = Program(program), found()
        elif step == "restart":
            life, seen = born(), 0
        elif step == "restart meanwhile" and seen > 0:
            program, life, seen = Program(program), found(), 0
        elif isinstance(step, int):
            seen, whole = seen + step, whole + step
        program.cpu(seen, life)

    assert program.registry.container(WEB).cpu.counting["cpu"].now[0] == whole
