"""The newest second of a container, from recorded samples: exact values, or why there is none."""

import json
from datetime import timedelta
from urllib.parse import quote

import msgspec
import pytest
from served import BURN, ENGINE, Served, Watcher, asked, serving
from yarl import URL

from recorded import frames, lines
from tidegauge.docker.frames import Container, Engine, Sample
from tidegauge.docker.lives import Condition, LifeEvent
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize, EngineGone, Stock
from tidegauge.globs import Selection
from tidegauge.web import values
from tidegauge.web.explaining import _binary, _decimal
from tidegauge.web.views import Values

PODMAN = Engine("e", "podman", "5.4.2")
WEB = Container(ENGINE, "c0ffee", "web", "web")


async def one(served: Served) -> dict:
    """The only container."""
    status, answer = await asked(served, "/api/v1/containers")
    (container,) = answer["containers"]
    assert status == 200
    assert container["values"].keys() | container["absent"].keys() == {
        each.name for each in msgspec.structs.fields(Values)
    }
    assert not container["values"].keys() & container["absent"].keys()
    return container


async def recorded(recording: str, count: int = 3, **fields) -> dict:
    served = Served()
    await served.see_recording(recording, count, **fields)
    return await one(served)


async def test_a_container_is_all_that_is_known_of_it() -> None:
    """Identity, life, and the values of its newest second."""
    served = Served()
    container = {
        "image": "shop:1",
        "tags": (("team", "a"),),
        "labels": (("com.docker.compose.project", "shop"), ("com.docker.compose.service", "web")),
        "started_at": frames(BURN)[0].read - timedelta(hours=1),
    }
    limits = Resources(cpus=0.3, memory=64 * 2**20)
    await served.see_recording(BURN, 0, resources=limits, **container)
    known = next(iter(served.registry.live())).entity
    await served.see(
        LifeEvent(known, "oom", known.started_at),
        LifeEvent(known, "die", known.started_at, exit_code=137),
    )
    await served.see_recording(BURN, 3, resources=limits, **container)
    await served.see(
        LifeEvent(known, "health_status", known.started_at, health="healthy"),
        ContainerSize(known, 12345, 600.0),
    )

    assert await one(served) == {
        "key": "e/web",
        "engine": "e",
        "alias": "web",
        "name": "web",
        "id": "c0ffee",
        "image": "shop:1",
        "tags": {"team": "a"},
        "project": "shop",
        "service": "web",
        "state": "running",
        "health": "healthy",
        "started_at": 1795355199.54798,
        "uptime": 3604.232885,
        "restarts": 0,
        "exits": {"137": 1},
        "oom_kills": 1,
        "sampled_at": 1795358803.780865,
        "values": {
            "cpu": (43379437000 - 42850286000) / 1727675000,
            "cpu_limit": 0.3,
            "cpu_throttled": (1199 - 1182) / (1492 - 1475),
            "memory": 335872,
            "memory_usage": 335872,
            "memory_cache": 0,
            "memory_rss": 61440,
            "memory_limit": 67108864,
            "rx": 0.0,
            "tx": 0.0,
            "pids": 1,
            "disk": 12345,
        },
        "absent": {
            "read": values.NO_BLOCK_IO,
            "write": values.NO_BLOCK_IO,
            "pids_limit": values.NO_PIDS_LIMIT,
        },
    }


async def test_rates_are_of_the_newest_second_alone() -> None:
    """What was added over all devices, by the time it took by the engine's clock."""
    seen = (await recorded("docker-26.1.5-cgroup2/stats-stream-io", 20))["values"]
    before, now = map(json.loads, lines("docker-26.1.5-cgroup2/stats-stream-io")[18:20])
    seconds = (frames_of(now).read - frames_of(before).read).total_seconds()

    def added(op: str) -> int:
        first, last = (
            sum(
                each["value"]
                for each in line["blkio_stats"]["io_service_bytes_recursive"]
                if each["op"] == op
            )
            for line in (before, now)
        )
        return last - first

    assert added("read") > 0
    assert seen["read"] == added("read") / seconds
    assert seen["write"] == added("write") / seconds


async def test_traffic_is_of_all_interfaces() -> None:
    """Of the sample before, too; an interface that came since began at zero."""
    served = Served()
    first, *_, last = frames("docker-26.1.5-cgroup1/stats-stream-two")
    traffic = {
        name: msgspec.structs.replace(stats, rx_bytes=stats.rx_bytes + 1000, tx_bytes=500)
        for name, stats in last.networks.items()
    }
    lone = msgspec.structs.replace(first, networks={"eth0": first.networks["eth0"]})
    last = msgspec.structs.replace(last, networks=traffic)
    await served.see(Condition(WEB, "running"), Sample(WEB, lone), Sample(WEB, last))
    seconds = (last.read - first.read).total_seconds()
    seen = (await one(served))["values"]

    base = first.networks["eth0"]
    assert seen["rx"] * seconds == pytest.approx(
        sum(each.rx_bytes for each in traffic.values()) - base.rx_bytes
    )
    assert base.tx_bytes > 500  # it fell, which adds nothing
    assert seen["tx"] * seconds == pytest.approx(500)


def frames_of(line: dict):
    return msgspec.convert(line, type(frames(BURN)[0]))


@pytest.mark.parametrize(
    ("recording", "count", "fields", "name", "why"),
    [
        (BURN, 1, {}, "cpu", values.FIRST),
        (BURN, 1, {}, "cpu_throttled", values.FIRST),
        (BURN, 1, {}, "rx", values.FIRST),
        ("docker-26.1.5-cgroup2/stats-stream-io", 1, {}, "read", values.FIRST),
        ("docker-26.1.5-cgroup2/stats-stream-two", 3, {}, "cpu_throttled", values.NO_QUOTA),
        (BURN, 3, {}, "cpu_limit", values.NO_CPU_LIMIT),
        (BURN, 3, {}, "memory_limit", values.NO_MEMORY_LIMIT),
        (BURN, 3, {"resources": None}, "memory_limit", values.NOT_ASKED),
        (BURN, 3, {}, "pids_limit", values.NO_PIDS_LIMIT),
        (BURN, 3, {}, "disk", values.NO_SIZE),
        (BURN, 3, {"network_of": "abc"}, "rx", values.SHARED_NETWORK),
        ("docker-20.10.24-cgroup1/stats-stream-hostnet", 3, {}, "tx", values.NO_NETWORK),
        ("docker-20.10.24-cgroup1/stats-stream-nonet", 3, {}, "rx", values.NO_NETWORK),
        ("podman-5.4.2-cgroup1/lifecycle-stream", 3, {"engine": PODMAN}, "memory_rss", "NOT_TOLD"),
        (
            "podman-5.4.2-cgroup1/lifecycle-stream",
            3,
            {"engine": PODMAN},
            "cpu_throttled",
            "NOT_TOLD",
        ),
        ("docker-26.1.5-cgroup2-nocontrollers/stats-stream-burn", 3, {}, "cpu", values.NO_CPU),
        (
            *("docker-26.1.5-cgroup2-nocontrollers/stats-stream-burn", 3, {}),
            *("memory", values.NO_MEMORY),
        ),
        ("docker-26.1.5-cgroup2-nocontrollers/stats-stream-burn", 3, {}, "pids", values.NO_PIDS),
    ],
)
async def test_what_is_not_there_says_why(recording, count, fields, name, why) -> None:
    """It is never 0."""
    found = await recorded(recording, count, **fields)

    assert found["absent"][name] == getattr(values, why, why)


async def test_a_container_that_does_not_run_uses_nothing() -> None:
    """What it may use is still known; why the rest is not, is said."""
    served = Served()
    await served.see_recording(BURN, 3, resources=Resources(memory=1000))
    await served.see(Condition(WEB, "exited"))
    seen = await one(served)

    assert seen["state"] == "exited"
    assert seen["values"] == {"memory_limit": 1000}
    assert seen["absent"]["cpu"] == "It does not run: it is exited."
    assert seen["sampled_at"] == 1795358803.780865


async def test_values_end_when_samples_do() -> None:
    """After 30 s without one; before the first there are none either."""
    served = Served()
    await served.see(Condition(WEB, "running"))
    assert (await one(served))["absent"]["rx"] == "No sample of it has come yet."
    await served.see_recording()
    await served.clock.advance(30)
    assert "cpu" in (await one(served))["values"]
    await served.clock.advance(1)
    assert (await one(served))["absent"]["cpu"] == "No sample of it has come for 30 s."


async def test_what_the_configuration_leaves_out_is_not_shown() -> None:
    """A category that is not recorded of a container."""
    served = Served(kept={"docker-memory": Selection(["db"])})
    await served.see_recording()
    seen = await one(served)
    _, answer = await asked(served, "/api/v1/containers?sparks=2")

    assert seen["absent"]["memory"] == "It is left out by filters.categories.docker-memory."
    assert "cpu" in seen["values"]
    assert answer["containers"][0]["sparks"]["memory"] == [None, None]
    served.recent.choose({})
    assert "memory" in (await one(served))["values"]


async def test_a_removed_container_is_not_listed() -> None:
    """It can be asked for by its key, and comes back when it is made anew."""
    served = Served()
    await served.see_recording()
    await served.see(Condition(WEB, "", gone=True))

    assert (await asked(served, "/api/v1/containers"))[1]["containers"] == []
    status, found = await asked(served, "/api/v1/containers/e/web")
    assert (status, found["state"]) == (200, "unknown")
    assert found["absent"]["cpu"] == "The engine has it no more."
    served.registry.forget_states()
    assert (await asked(served, "/api/v1/containers"))[1]["containers"] == []
    await served.see(Condition(WEB, "running"))
    assert (await one(served))["state"] == "running"


async def test_containers_of_a_lost_engine_are_unknown() -> None:
    """They are still shown; so is what is wrong with the engine."""
    served = Served()
    await served.see_recording()
    await served.see(EngineGone(ENGINE), Condition(WEB, ""))
    served.watcher = Watcher(engine=None, trouble="nobody answers.", lost=2)
    served.now._of.watchers[0] = served.watcher
    seen = await one(served)
    _, answer = await asked(served, "/api/v1/containers")
    (engine,) = answer["engines"]

    assert seen["state"] == "unknown"
    assert seen["absent"]["memory"] == "Engine e does not answer."
    assert (engine["connected"], engine["trouble"], engine["lost"]) == (False, "nobody answers.", 2)
    assert (engine["kind"], engine["version"]) == ("docker", "26.1.5")
    served.now._of.watchers[0] = Watcher()
    assert (await asked(served, "/api/v1/containers"))[1]["containers"] == []


async def test_sparks_are_the_newest_points_with_gaps() -> None:
    """As many as asked for, at most; a second without a sample is null."""
    served = Served()
    some = frames(BURN)
    step = timedelta(seconds=1)
    at = some[0].read
    chosen = [
        msgspec.structs.replace(some[n], read=at + step * second)
        for n, second in enumerate((0, 1, 4))
    ]
    await served.see(Condition(WEB, "running"), *(Sample(WEB, each) for each in chosen))
    _, answer = await asked(served, "/api/v1/containers?sparks=300")
    sparks = answer["containers"][0]["sparks"]
    used = [each.cpu_stats.cpu_usage.total_usage / 1e9 for each in chosen]

    assert sparks["cpu"] == [
        None,
        pytest.approx(used[1] - used[0]),
        None,
        None,
        pytest.approx((used[2] - used[1]) / 3),
    ]
    assert sparks["memory"] == [335872.0, 335872.0, None, None, 335872.0]
    _, answer = await asked(served, "/api/v1/containers?sparks=1")
    assert answer["containers"][0]["sparks"]["cpu"] == sparks["cpu"][-1:]


async def test_points_are_bounded() -> None:
    """Of a container that runs for long, and of very many that ended."""
    served = Served()
    frame = frames(BURN)[0]
    await served.see(
        *(
            Sample(WEB, msgspec.structs.replace(frame, read=frame.read + timedelta(seconds=n)))
            for n in range(1000)
        )
    )
    newest = served.recent.of(WEB)
    assert len(newest._points) <= 2 * 300 * 3
    assert len(newest.sparks(300)["cpu"]) == 300
    for n in range(50):
        other = Container(ENGINE, str(n), str(n), str(n))
        late = frame.read + timedelta(seconds=2000 + 1000 * n)
        await served.see(Sample(other, msgspec.structs.replace(frame, read=late)))
    assert len(served.recent._newest) == 1


@pytest.mark.parametrize("alias", ["a b", "a/b", "ü%2F?#", "..", "a\\b", "'\"<>"])
async def test_any_alias_can_be_asked_for(alias: str) -> None:
    """Percent-encoded, slashes too."""
    served = Served()
    await served.see_recording(alias=alias)
    name = quote(alias, safe="").replace(".", "%2E")
    async with serving(served) as client:
        url = URL(f"{served.url}/api/v1/containers/e/{name}", encoded=True)
        async with client.get(url, headers={"Accept-Encoding": "identity"}) as reply:
            found = await reply.json()
    assert reply.status == 200
    assert found["alias"] == alias
    assert len(found["sparks"]["cpu"]) >= 3


async def test_explained_values_show_their_fields_and_docker_stats() -> None:
    """What docker stats would print is computed by its own formula, from the same samples."""
    served = Served()
    await served.see_recording(BURN, 3, resources=Resources(cpus=0.3, cpu_quota=30000))
    _, found = await asked(served, "/api/v1/containers/e/web")
    explain = found["explain"]

    assert explain.keys() == found["values"].keys() | found["absent"].keys()
    assert explain["cpu"] == {
        "value": found["values"]["cpu"],
        "unit": "{cpu}",
        "formula": "(total_usage - previous total_usage) / (read - previous read) in nanoseconds",
        "raw": {
            "read": 1795358803.780865,
            "cpu_stats.cpu_usage.total_usage": 43379437000,
            "cpu_stats.system_cpu_usage": 2638840000000,
            "cpu_stats.online_cpus": 2,
            "previous read": 1795358802.05319,
            "previous cpu_stats.cpu_usage.total_usage": 42850286000,
            "previous cpu_stats.system_cpu_usage": 2635760000000,
            "previous cpu_stats.online_cpus": 2,
        },
        "docker_stats": f"{529151000 / 3080000000 * 2 * 100:.2f}%",
    }
    assert explain["memory"]["docker_stats"] == "328KiB / 1.928GiB, 0.02%"
    assert explain["rx"]["docker_stats"] == explain["tx"]["docker_stats"] == "866B / 0B"
    assert explain["pids"]["docker_stats"] == "1"
    assert explain["cpu_limit"]["raw"] == {"cpus": 0.3, "cpu_quota": 30000}
    assert explain["pids_limit"]["raw"]["pids_stats.limit"] == float(2**64)
    assert explain["read"] == {
        "value": None,
        "unit": "By/s",
        "formula": "sum over devices of (bytes read - previous) / (read - previous read)",
        "raw": {"read": 1795358803.780865, "previous read": 1795358802.05319},
        "docker_stats": "0B / 0B",
    }
    assert explain["rx"]["raw"]["previous networks.eth0.rx_bytes"] == 866


async def test_block_io_is_explained_device_by_device() -> None:
    """With the totals that docker stats prints."""
    served = Served()
    await served.see_recording("docker-26.1.5-cgroup2/stats-stream-io", 2)
    _, found = await asked(served, "/api/v1/containers/e/web")
    raw = found["explain"]["write"]["raw"]

    assert raw["previous blkio_stats.io_service_bytes_recursive.254:0.write"] == 186646528
    assert found["explain"]["write"]["docker_stats"] == "191MB / 191MB"


@pytest.mark.parametrize(
    ("size", "binary", "decimal"),
    [
        (0, "0B", "0B"),
        (999, "999B", "999B"),
        (1000, "1000B", "1kB"),
        (1024, "1KiB", "1.02kB"),
        (1536, "1.5KiB", "1.54kB"),
        (123456789, "117.7MiB", "123MB"),
        (2070069248, "1.928GiB", "2.07GB"),
        (2**62, "4EiB", "4.61EB"),
    ],
)
def test_sizes_are_written_as_docker_does(size: int, binary: str, decimal: str) -> None:
    """github.com/docker/go-units, size_test.go and what it prints."""
    assert (_binary(size), _decimal(size)) == (binary, decimal)


async def test_an_unknown_container_is_not_found() -> None:
    """With its name, cut to a decent length."""
    status, answer = await asked(Served(), "/api/v1/containers/e/" + "x" * 500)
    assert status == 404
    assert answer == {"error": f'there is no container "e/{"x" * 200}".'}


async def test_engines_of_one_machine_tell_its_name() -> None:
    """What they told last, also while they are lost; null where one never told."""
    served = Served()
    status, answer = await asked(served, "/api/v1/status")
    assert (status, [each["host"] for each in answer["engines"]]) == (200, [None])
    await served.see(Stock(ENGINE, {"running": 1}, host="harbour"))
    await served.see(Stock(ENGINE, {"running": 1}))
    await served.see(EngineGone(ENGINE))
    for path in ("status", "containers"):
        _, answer = await asked(served, f"/api/v1/{path}")
        assert [each["host"] for each in answer["engines"]] == ["harbour"]
