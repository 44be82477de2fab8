"""The fleet as a whole, asked of a store that is made up."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp import web

from fakes.fleet_store import CPU, MEMORY, RATE, FakeHost, FleetStore, serving_fleet
from manual_clock import ManualClock
from tidegauge.clock import Clock, SystemClock
from tidegauge.errors import HistoryError, Unanswerable
from tidegauge.fleet import looks
from tidegauge.fleet.fleet import MOST_KEPT, SHARED_SECONDS, ContainersSeen, Fleet
from tidegauge.fleet.sums import Sums
from tidegauge.history.prometheus_server import IN_FLIGHT, PrometheusServer
from waiting import wait_until_async

LONGEST_QUERY = 16 * 1024
"""Bytes that VictoriaMetrics takes."""

DOUBLED = 600

OF_ONE = ["shop-db-1", "shop-web-1", "shop-web-2"]
"""Containers of each host that is made up."""

T = TypeVar("T")


@contextmanager
def asking(store: FleetStore, clock: Clock | None = None, timeout: float = 10.0) -> Iterator[Fleet]:
    """The fleet that a store has."""
    with serving_fleet(store):
        yield Fleet(PrometheusServer(store.url, {}, timeout), {}, clock or SystemClock())


class HeldUp(FleetStore):
    """Answers some queries only when it is let, and counts all that are under way."""

    def __init__(self, *hosts: FakeHost, held: Callable[[str], bool]) -> None:
        super().__init__(hosts)
        self.held, self.let = held, False
        self.under_way = self.most = self.waiting = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            held = self.held(str((await request.post())["query"]))
            self.waiting += held
            while held and not self.let:
                await asyncio.sleep(0.01)
            return await super().answer(request)
        finally:
            self.under_way -= 1


def along(clock: Clock) -> Callable[[], float]:
    """The time of a store beside that of the test, which began now."""
    began = time.time()
    return lambda: began + clock.monotonic()


def doubled() -> list[FakeHost]:
    """Hosts that are scraped, and write as well."""
    hosts: list[FakeHost] = []
    for n in range(DOUBLED):
        address, ids = f"10.0.{n // 250}.{n % 250}:8470", f"{n:064d}"
        name = f"node-{n}.example.org"
        hosts += [FakeHost(name, instance=address, ids=ids), FakeHost(name, ids=ids)]
    return hosts


def filled(seen: ContainersSeen) -> bool:
    """Has every container all that the store has of it?"""
    whole = Sums(1.0, CPU, MEMORY, RATE, RATE)
    return all(
        (each.state, each.sums) == ("running", whole) and "image" in each.about
        for _, each in seen.rows
    )


@pytest.mark.parametrize("host", ["a", ""])
async def test_every_cell_of_a_list_that_is_cut_is_filled(host):
    """However the store chooses among containers that are equal."""
    web_of_many = [("shop", "web", looks.MOST_CONTAINERS + 500)]
    with asking(FleetStore([FakeHost("a", web_of_many), FakeHost("b", [])])) as fleet:
        seen = await fleet.containers(host, None, None)

    assert (len(seen.rows), seen.left_out) == (looks.MOST_CONTAINERS, 500)
    assert filled(seen)


async def test_every_cell_of_services_that_are_cut_is_filled():
    """On how many hosts each runs, too."""
    services = [("p", f"s{n}", 1) for n in range(looks.MOST_SERVICES + 300)]
    with asking(FleetStore([FakeHost("a", services)])) as fleet:
        seen = await fleet.services()

    assert (len(seen.rows), seen.left_out) == (looks.MOST_SERVICES, 300)
    assert {key: seen.hosts.get(key) for key in seen.rows} == dict.fromkeys(seen.rows, 1.0)
    assert all(each == Sums(1.0, CPU, MEMORY, RATE, RATE) for each in seen.rows.values())


async def test_doubles_count_once_however_many_they_are():
    """In services, and in lists, which are cut behind them; no query is too long for a store."""
    store = FleetStore(doubled())
    with asking(store) as fleet:
        seen = await fleet.services()
        listed = await fleet.containers("", "shop", "web")
        of_one = await fleet.containers("node-7.example.org", None, None)

    web, count = seen.rows["shop", "web"], 2.0 * DOUBLED
    assert (web.running, seen.hosts["shop", "web"]) == (count, DOUBLED)
    assert web == Sums(count, CPU * count, MEMORY * count, RATE * count, RATE * count)
    assert (len(listed.rows), listed.left_out) == (looks.MOST_CONTAINERS, count - len(listed.rows))
    assert len({(host, each.alias) for host, each in listed.rows}) == looks.MOST_CONTAINERS
    assert filled(listed)
    assert sorted(each.alias for _, each in of_one.rows) == OF_ONE
    assert max(map(len, store.asked)) < LONGEST_QUERY


async def test_silent_hosts_are_in_no_sum_however_many_they_are():
    """As long as a host with a clock that is behind widens the window in which they were."""
    gone = [FakeHost(f"gone-{n}.example.org", silent_for=30) for n in range(DOUBLED)]
    clock = ManualClock()
    store = FleetStore([FakeHost("late", ahead=-60), FakeHost("here"), *gone], along(clock))
    with asking(store, clock) as fleet:
        await fleet.hosts()
        await clock.advance(10)
        seen = await fleet.services()

    assert seen.rows["shop", "web"].running == 4


async def test_no_more_queries_are_under_way_than_a_server_bears():
    """Of many lists at once; the rest waits for its turn, and who is there is asked past them."""
    hosts = [FakeHost(f"h{n}") for n in range(30)]
    store = HeldUp(*hosts, held=lambda query: ", container)" in query)
    clock = ManualClock()
    with asking(store, clock) as fleet:
        await fleet.hosts()
        lists = [asyncio.create_task(fleet.containers(each.name, None, None)) for each in hosts]
        await wait_until_async(lambda: store.waiting >= IN_FLIGHT, 10, "as many as may be")
        await clock.advance(3)
        told = sum("tidegauge_clock" in each for each in store.asked)
        async with asyncio.timeout(5):
            await fleet.hosts()
        assert sum("tidegauge_clock" in each for each in store.asked) > told
        assert store.waiting == IN_FLIGHT
        store.let = True
        found = await asyncio.gather(*lists)

    assert store.most <= IN_FLIGHT + 2
    assert {len(each.rows) for each in found} == {3}


async def test_who_waits_too_long_for_a_turn_is_told_so():
    """After the time that a request may take."""
    hosts = [FakeHost(f"h{n}") for n in range(3 * IN_FLIGHT)]
    store = HeldUp(*hosts, held=lambda query: ", container)" in query)
    with asking(store, timeout=1.0) as fleet:
        await fleet.hosts()
        asked = (fleet.containers(each.name, None, None) for each in hosts)
        async with asyncio.timeout(8):
            found = await asyncio.gather(*asked, return_exceptions=True)
        store.let = True

    said = {str(each).partition(f"{store.url}, ")[2] for each in found}
    assert all(isinstance(each, HistoryError) for each in found)
    assert said <= {
        "was busy with other questions for 1 s; look at fewer things at once, or raise"
        " history.timeout.",
        "took longer than 1 s; ask for a shorter range, or raise history.timeout.",
    }
    assert any("busy with other questions" in each for each in said)


async def test_nothing_is_kept_of_hosts_that_are_not_there():
    """So that what is kept of others is not pushed out by them."""
    store = FleetStore([FakeHost("a")])
    with asking(store, ManualClock()) as fleet:
        await fleet.containers("a", None, None)
        for n in range(MOST_KEPT + 1):
            with pytest.raises(Unanswerable):
                await fleet.containers(f"nowhere-{n}", None, None)
        asked = len(store.asked)
        await fleet.containers("a", None, None)

    assert len(store.asked) == asked


async def test_silence_does_not_wait_for_who_sees_the_same():
    """That is asked once a minute, behind the back of who looks at hosts."""
    pair = [FakeHost("box", instance=each, ids="a" * 64) for each in ("a:1", "b:1")]
    store = HeldUp(*pair, FakeHost("c"), held=lambda query: query.startswith("count(count by (id)"))
    store.let = True
    clock = ManualClock()
    with asking(store, clock) as fleet:
        assert [each.name for each in (await fleet.hosts()).hosts] == ["box", "c"]
        store.let, before = False, store.waiting
        await clock.advance(SHARED_SECONDS + 1)
        store.hosts[2].silent_for = 60.0
        seen = await within(3, fleet.hosts())
        assert [(each.name, each.silent) for each in seen.hosts] == [("box", False), ("c", True)]
        await wait_until_async(lambda: store.waiting > before, 5, "it is asked nevertheless")
        await clock.advance(3)
        await within(3, fleet.hosts())
        assert store.waiting == before + 1
        store.let = True


async def within(seconds: float, answer: Awaitable[T]) -> T:
    """It, or a failure after so many seconds."""
    async with asyncio.timeout(seconds):
        return await answer


@pytest.mark.parametrize(("late", "silent"), [(118, False), (135, True)])
async def test_a_clock_that_is_behind_is_found_as_late_as_the_manual_says(late, silent):
    """And what it sends is in the sums; more is silence."""
    clock = ManualClock()
    store = FleetStore([FakeHost("slow", ahead=-late)], along(clock))
    with asking(store, clock) as fleet:
        await fleet.hosts()
        await clock.advance(10)
        (host,) = (await fleet.hosts()).hosts

    assert (host.silent, host.sums.running) == (silent, None if silent else 3)
    manual = (Path(__file__).parents[2] / "docs/fleet.md").read_text(encoding="utf-8")
    assert f"is found up to {looks.BACK_MS // 60_000} minutes late; more is silent" in manual


@pytest.mark.parametrize("seconds", [140, 4000])
async def test_a_silent_host_that_was_scraped_slowly_has_the_containers_that_it_had(seconds):
    """Although the time that it told is before that of the sample, and the one before long ago."""
    slow = FakeHost("slow", instance="a:1", silent_for=seconds, interval=60.0, told=0.9)
    with asking(FleetStore([slow, FakeHost("quick")])) as fleet:
        seen = await fleet.containers("slow", None, None)

    assert sorted(each.alias for _, each in seen.rows) == OF_ONE
    assert seen.at / 1000 == pytest.approx(time.time() - seconds, abs=5)
