"""The fleet as the API answers it, from a store that is made up."""

import asyncio
import json
import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from served import Served, serving
from served import asked as asked_of
from yarl import URL

from fakes.fleet_store import CPU, MEMORY, RATE, FakeHost, FleetStore, serving_fleet
from tidegauge.clock import SystemClock
from tidegauge.fleet import looks
from tidegauge.fleet.fleet import Fleet
from tidegauge.history.prometheus_server import PrometheusServer
from waiting import wait_until_async


async def asked(store: FleetStore, *paths: str) -> list[tuple[int, Any]]:
    """Status and answer of each path, one after another."""
    with serving_fleet(store):
        fleet = Fleet(PrometheusServer(store.url, {}, 5.0), {}, SystemClock())
        served = Served(clock=SystemClock(), fleet=fleet)
        answers: list[tuple[int, Any]] = []
        async with serving(served) as client:
            for path in paths:
                identity = {"Accept-Encoding": "identity"}
                async with client.get(
                    URL(f"/api/v1/{path}", encoded=True), headers=identity
                ) as reply:
                    text = (await reply.text()).replace(store.url, "URL")
                    answers.append((reply.status, json.loads(text)))
        return answers


async def hosts_of(*hosts: FakeHost) -> dict[str, Any]:
    """What the API has of each, by name."""
    ((status, answer),) = await asked(FleetStore(hosts), "fleet")
    assert status == 200, answer
    return {each["name"]: each for each in answer["hosts"]}


async def test_a_host_has_the_sums_of_its_containers():
    """And what its machine is."""
    host = (await hosts_of(FakeHost("web-1")))["web-1"]

    assert host.pop("seen") > 0
    assert host == {
        "name": "web-1",
        "silent": False,
        "agents": 1,
        "version": "1.2.3",
        "interval": 10.0,
        "clock": None,
        "trouble": None,
        "engines": ["local"],
        "running": 3,
        "cpu": 3 * CPU,
        "memory": 3 * MEMORY,
        "rx": 3 * RATE,
        "tx": 3 * RATE,
        "cpus": 8.0,
        "cpu_used": 4.0,
        "memory_total": 2.0**33,
        "memory_available": 2.0**32,
    }


@pytest.mark.parametrize("seconds", [23, 100, 4000, 80_000])
async def test_a_host_without_samples_is_silent_and_has_no_numbers(seconds):
    """For as long as it is listed; nothing of it is in the sums."""
    hosts = await hosts_of(FakeHost("gone", silent_for=seconds), FakeHost("here"))

    gone = hosts["gone"]
    assert gone["silent"]
    assert hosts["here"]["seen"] - gone["seen"] == pytest.approx(seconds, abs=3)
    assert {gone[each] for each in ("running", "cpu", "memory", "rx", "tx", "cpus")} == {None}
    assert not hosts["here"]["silent"]


@pytest.mark.parametrize("seconds", [1, 12, 20])
async def test_two_intervals_without_a_sample_are_no_silence(seconds):
    """A scrape may be late, and one may fail."""
    assert not (await hosts_of(FakeHost("slow", silent_for=seconds)))["slow"]["silent"]


async def test_two_agents_of_one_engine_are_counted_once():
    """The same containers, told of under two addresses."""
    one, other = (FakeHost("box", instance=each, ids="a" * 64) for each in ("a:1", "b:1"))

    hosts = await hosts_of(one, other)

    assert hosts.keys() == {"box"}
    assert (hosts["box"]["agents"], hosts["box"]["running"]) == (2, 3)


async def test_two_machines_of_one_name_are_two():
    """Their containers differ; the address tells them apart."""
    hosts = await hosts_of(FakeHost("box", instance="a:1"), FakeHost("box", instance="b:1"))

    assert {name: each["running"] for name, each in hosts.items()} == {
        "box (a:1)": 3,
        "box (b:1)": 3,
    }


async def test_one_engine_seen_from_two_hosts_is_counted_at_one():
    """The other one says where."""
    hosts = await hosts_of(FakeHost("a", ids="a" * 64), FakeHost("b", ids="a" * 64))

    assert (hosts["a"]["running"], hosts["b"]["running"]) == (3, None)
    assert hosts["b"]["trouble"] == ("containers of it are counted at a, which sees them, too.")


async def test_an_agent_that_is_started_anew_is_the_same_host():
    """Under another address, as a task of a Swarm has at each start."""
    hosts = await hosts_of(
        FakeHost("node1", instance="10.0.0.3:8470", silent_for=300),
        FakeHost("node1", instance="10.0.0.9:8470"),
    )

    assert {name: each["silent"] for name, each in hosts.items()} == {"node1": False}


async def test_a_clock_that_is_ahead_is_told():
    """And the host is no less there."""
    host = (await hosts_of(FakeHost("fast", ahead=75)))["fast"]

    assert not host["silent"]
    assert host["clock"] == pytest.approx(75, abs=2)
    assert host["trouble"].startswith("its clock is 7")
    assert host["trouble"].endswith("ahead of that of history.prometheus; let NTP set it.")


async def test_a_clock_that_is_behind_is_told_as_soon_as_samples_go_on():
    """At the first look it is as if it were silent; what it sends is old, but goes on."""
    store = FleetStore([FakeHost("slow", ahead=-60)])
    with serving_fleet(store):
        fleet = Fleet(PrometheusServer(store.url, {}, 5), {}, SystemClock())
        (first,) = (await fleet.hosts()).hosts

        async def not_silent():
            (host,) = (await fleet.hosts()).hosts  # the same for two seconds
            return None if host.silent else host

        second = await wait_until_async(not_silent, 15, "its samples go on")

    assert first.silent
    assert second.agent is not None
    assert second.agent.off == pytest.approx(-60_000, abs=2000)


async def test_the_clock_of_this_machine_is_told_where_it_is_off():
    """Against that of the server."""
    store = FleetStore([FakeHost("a")], now=lambda: time.time() - 100)
    ((_, answer),) = await asked(store, "fleet")

    (trouble,) = answer["troubles"]
    assert re.fullmatch(
        r"the clock of this machine is 10\d s ahead of that of history\.prometheus;"
        r" let NTP set it\.",
        trouble,
    )
    assert not answer["hosts"][0]["silent"]


async def test_rates_of_a_name_under_which_two_write_are_not_known():
    """Their counters are one series that jumps to and fro."""
    host = (await hosts_of(FakeHost("twin", resets=9)))["twin"]

    assert (host["rx"], host["tx"], host["cpu"]) == (None, None, 3 * CPU)
    assert host["trouble"].startswith("two agents write under its name, so rates are not known;")


async def test_services_are_summed_over_hosts():
    """By project and name."""
    store = FleetStore([FakeHost("a"), FakeHost("b")])

    ((_, answer),) = await asked(store, "fleet/services")

    assert [
        (each["project"], each["service"], each["replicas"], each["hosts"], each["cpu"])
        for each in answer["services"]
    ] == [("shop", "db", 2, 2, 2 * CPU), ("shop", "web", 4, 2, 4 * CPU)]


async def test_containers_of_a_host_and_of_a_service():
    """Each with its host; of a silent host, those that it had."""
    store = FleetStore([FakeHost("a"), FakeHost("b"), FakeHost("gone", silent_for=50)])

    answers = await asked(
        store,
        "fleet/containers?host=a",
        "fleet/containers?project=shop&service=web",
        "fleet/containers?host=gone",
        "fleet/containers?host=nowhere",
    )

    of_host, of_service, of_gone = (
        [(each["host"], each["alias"]) for each in answer["containers"]]
        for _, answer in answers[:3]
    )
    assert of_host == [("a", f"shop-{each}") for each in ("db-1", "web-1", "web-2")]
    assert of_service == [(host, f"shop-web-{n}") for host in "ab" for n in (1, 2)]
    assert of_gone == [("gone", f"shop-{each}") for each in ("db-1", "web-1", "web-2")]
    assert answers[3] == (404, {"error": 'there is no host "nowhere" in the fleet.'})


@pytest.mark.parametrize("name", ['a"b', "back\\slash", "x|y", "(.*)", "\u202eevil", "a,b}"])
async def test_nonsense_names_are_asked_for_as_they_are(name):
    """No name of a host becomes a part of a query."""
    store = FleetStore([FakeHost(name)])

    ((status, answer),) = await asked(store, f"fleet/containers?host={web_quoted(name)}")

    assert status == 200, answer
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    assert f'host="{escaped}"' in store.asked[-1]


def web_quoted(name: str) -> str:
    """For an address."""
    return quote(name)


async def test_a_store_that_is_away_is_one_sentence_and_the_rest_goes_on():
    """What is of this machine is answered as ever."""
    store = FleetStore([FakeHost("a")])

    async def refuse(_: web.BaseRequest) -> web.Response:
        return web.Response(status=503, text='{"error": "out of memory"}')

    store.answering = refuse
    away, local = await asked(store, "fleet", "containers")

    assert away == (
        503,
        {
            "error": "history.prometheus, URL, answered 503 Service Unavailable, saying"
            ' "out of memory": see its log.'
        },
    )
    assert local[0] == 200


async def test_a_store_that_hangs_is_asked_once_for_all():
    """Those who look meanwhile get the same sentence, and wait no longer than the first."""
    store = FleetStore([FakeHost("a")])
    count: list[int] = []

    async def hang(_: web.BaseRequest) -> web.Response:
        count.append(1)
        await asyncio.sleep(30)
        return web.Response()

    store.answering = hang
    with serving_fleet(store):
        fleet = Fleet(PrometheusServer(store.url, {}, 0.5), {}, SystemClock())
        async with asyncio.timeout(3):
            found = await asyncio.gather(
                *(fleet.hosts() for _ in range(50)), return_exceptions=True
            )

    assert {str(each).partition(" took ")[2] for each in found} == {
        "longer than 0.5 s; ask for a shorter range, or raise history.timeout."
    }
    assert len(count) == 1


async def test_garbage_is_no_answer():
    """A page for browsers, for example."""
    store = FleetStore()

    async def page(_: web.BaseRequest) -> web.Response:
        return web.Response(text="<html>")

    store.answering = page
    ((status, answer),) = await asked(store, "fleet")

    assert status == 503
    assert answer["error"].startswith("what answers at history.prometheus, URL, is no Prometheus")


async def test_no_answer_is_larger_than_the_bound(monkeypatch):
    """A million series are given up, in words, before they are in memory."""
    monkeypatch.setattr(looks, "MOST_BYTES", 2**20)
    store = FleetStore([FakeHost(f"host-{n}", services=()) for n in range(3000)])

    ((status, answer),) = await asked(store, "fleet")

    assert status == 503
    assert "has more than 1 MiB" in answer["error"]
    assert "history.labels" in answer["error"]


async def test_more_services_than_are_shown_are_counted():
    """The rest is left out, and that is said."""
    host = FakeHost("a", services=[("p", f"s{n}", 1) for n in range(looks.MOST_SERVICES + 7)])

    ((_, answer),) = await asked(FleetStore([host]), "fleet/services")

    assert len(answer["services"]) == looks.MOST_SERVICES
    assert answer["left_out"] == 7


async def test_many_who_look_are_asked_for_once():
    """For two seconds of presence, and five of sums."""
    store = FleetStore([FakeHost("a")])
    await asked(store, *["fleet"] * 20)

    assert sum("tidegauge_clock_seconds" in each for each in store.asked) == 2
    assert sum(each.startswith("topk(5001") for each in store.asked) == 1


async def test_without_a_server_there_is_no_fleet():
    """What to do is said."""
    status, answer = await asked_of(Served(), "/api/v1/fleet")

    assert status == 404
    assert answer["error"] == (
        "there is no fleet, because no server has its series; [history] prometheus = URL names one."
    )
