"""What holds of the engine in C and of its twin in Python: that they are Docker's."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from fakes.made_up import MadeUp, Opened
from frames_of import frames_of
from raw_http import RawConnection, connected, streaming
from recorded import decode
from tidegauge.docker.client import EngineClient
from tidegauge.docker.endpoint import parse_endpoint
from tidegauge.docker.transport import HttpTransport

NEVER = "0001-01-01T00:00:00Z"


def stats(engine: MadeUp, container: str = "") -> str:
    return f"/v1.41/containers/{container or engine.container}/stats"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def no_garbage(data: bytes, error: str) -> None:
    pytest.fail(f"{error}: {data!r}")


async def of_life(told: RawConnection, name: str, *actions: str) -> dict[str, Any]:
    """The first event of a container with one of these actions."""
    while True:
        event = await told.event()
        if event["Actor"]["Attributes"]["name"] == name and event["Action"] in actions:
            return event


def counters(document: object, place: str = "") -> dict[str, int]:
    """All numbers that only grow, by their place in a sample."""
    found: dict[str, int] = {}
    if isinstance(document, dict):
        if "op" in document:
            place += f"/{document['major']}"
            document = {document["op"]: document["value"]}
        for name, value in document.items():
            if not place.endswith("memory_stats") and name not in {"precpu_stats", "pids_stats"}:
                found |= counters(value, f"{place}/{name}")
    elif isinstance(document, list):
        for each in document:
            found |= counters(each, place)
    elif isinstance(document, int):
        found[place] = document
    return found


async def test_an_engine_says_what_it_is(opened: Opened) -> None:
    """Its API version is in the head of a ping and in the version; the path may name one."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        await connection.ask("/_ping")
        api = connection.headers["api-version"]
        assert (connection.status, connection.headers["content-length"]) == (200, "2")

    async with opened("quiet") as engine, connected(engine.socket) as connection:
        version = await connection.get(f"/v{api}/version")
        assert (version["ApiVersion"], version["Components"][0]["Name"]) == (api, "Engine")


async def test_lists_and_counts_agree(opened: Opened) -> None:
    """Those that run are listed, all of them if asked for, and counted among the engine's."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        running = await connection.get("/containers/json")
        every = await connection.get("/containers/json?all=1&size=1")
        info = await connection.get("/info")

    names = [{each["Names"][0][1:] for each in one} for one in (running, every)]
    assert engine.container in names[0]
    assert names[1] - names[0] == {engine.exited}
    assert {each["State"] for each in running} == {"running"}
    assert len({each["Id"][:12] for each in every}) == len(every)
    assert all(each["SizeRootFs"] > 0 for each in every)
    assert (info["ContainersRunning"], info["ContainersStopped"]) == (len(running), 1)
    assert info["Containers"] == len(every)


async def test_a_container_is_inspected_by_name_and_by_id(opened: Opened) -> None:
    """With its start and its limits; the beginning of an id will do."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        by_name = await connection.get(f"/containers/{engine.container}/json")
        by_id = await connection.get(f"/containers/{by_name['Id']}/json")
        by_short_id = await connection.get(f"/v1.41/containers/{by_name['Id'][:12]}/json")
        exited = await connection.get(f"/containers/{engine.exited}/json")

    assert by_name == by_id == by_short_id
    assert by_name["Name"] == f"/{engine.container}"
    assert by_name["State"]["Status"] == "running"
    assert datetime.fromisoformat(by_name["State"]["StartedAt"]) < datetime(2030, 1, 1, tzinfo=UTC)
    assert by_name["HostConfig"]["NetworkMode"]
    assert by_name["HostConfig"]["Memory"] >= 0
    assert (exited["State"]["Status"], exited["State"]["Running"]) == ("exited", False)


async def test_the_disk_is_told(opened: Opened) -> None:
    """Images and volumes have sizes."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        use = await connection.get("/system/df")

    assert all(each["Size"] > 0 for each in use["Images"])
    assert all(each["UsageData"]["Size"] > 0 for each in use["Volumes"])


async def test_what_there_is_not_is_refused(opened: Opened) -> None:
    """In Docker's words, and the connection goes on."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        for path in ("/containers/nobody/json", "/v1.41/containers/nobody/stats"):
            refused = await connection.get(path)
            assert (connection.status, refused) == (
                404,
                {"message": "No such container: nobody"},
            )
        refused = await connection.get("/networks")
        assert (connection.status, refused) == (404, {"message": "page not found"})
        assert (await connection.get("/version"))["Os"] == "linux"


async def test_an_event_is_one_chunk(opened: Opened) -> None:
    """Of one line, which is one object that the program can decode."""
    async with opened("quiet") as engine, streaming(engine.socket, stats(engine)) as stream:
        for _ in range(3):
            chunk = await stream.chunk()
            assert chunk.index(b"\n") == len(chunk) - 1
            assert decode(chunk).running


async def test_samples_follow_one_another(opened: Opened) -> None:
    """Counters never fall, times grow, and each sample tells again what the one before was."""
    async with opened("quiet") as engine, streaming(engine.socket, stats(engine)) as stream:
        samples = await stream.events(6)

    first = samples[0]
    assert first["preread"] == NEVER
    assert first["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert len({each["id"] for each in samples}) == 1
    assert {each["name"] for each in samples} == {f"/{engine.container}"}
    for before, now in itertools.pairwise(samples):
        assert now["preread"] == before["read"]
        assert moment(before["read"]) < moment(now["read"])
        assert now["precpu_stats"] == before["cpu_stats"]
        earlier, later = counters(before), counters(now)
        assert earlier.keys() == later.keys()
        assert {place for place in later if later[place] < earlier[place]} == set()
        for name in ("/cpu_stats/cpu_usage/total_usage", "/cpu_stats/system_cpu_usage"):
            assert later[name] > earlier[name]


async def test_a_sample_tells_the_engines_time(opened: Opened) -> None:
    """What the machine could have done grows as its clock does."""
    async with opened("quiet") as engine, streaming(engine.socket, stats(engine)) as stream:
        samples = await stream.events(4)

    first, last = samples[0], samples[-1]
    passed = moment(last["read"]) - moment(first["read"])
    before, now = first["cpu_stats"], last["cpu_stats"]
    grown = now["system_cpu_usage"] - before["system_cpu_usage"]
    assert grown / 1e9 / now["online_cpus"] == pytest.approx(passed.total_seconds(), abs=0.02)


async def test_one_sample_can_be_asked_for(opened: Opened) -> None:
    """With the one before it, or at once and without; of one that does not run, an empty one."""
    async with opened("quiet") as engine, connected(engine.socket) as connection:
        pair = await connection.get(f"{stats(engine)}?stream=0")
        single = await connection.get(f"{stats(engine)}?stream=false&one-shot=1")
        empty = await connection.get(f"{stats(engine, engine.exited)}?stream=0")
        assert "chunked" not in connection.headers.get("transfer-encoding", "")

    times = [moment(text) for text in (NEVER, pair["preread"], pair["read"], single["read"])]
    assert times == sorted(set(times))
    assert pair["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert single["preread"] == NEVER
    assert single["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert (empty["read"], empty["memory_stats"]) == (NEVER, {})


async def test_what_does_not_run_sends_empty_samples(opened: Opened) -> None:
    """Of the year 1, without memory, networks and the machine's time, again and again."""
    path = "/containers/{}/stats"
    async with (
        opened("quiet") as engine,
        streaming(engine.socket, path.format(engine.exited)) as stream,
    ):
        samples = await stream.events(3)

    for sample in samples:
        assert sample["read"] == sample["preread"] == NEVER
        assert sample["memory_stats"] == sample["pids_stats"] == {}
        assert "networks" not in sample
        assert "system_cpu_usage" not in sample["cpu_stats"]
        assert sample["cpu_stats"]["cpu_usage"]["total_usage"] == 0


async def test_a_stream_outlives_a_restart(opened: Opened) -> None:
    """It goes on with the same id, and its counters begin again."""
    async with (
        opened("restart") as engine,
        streaming(engine.socket, "/events") as told,
        streaming(engine.socket, stats(engine)) as stream,
    ):
        before = await stream.event()
        engine.happen()
        died, started = [await of_life(told, engine.container, "die", "start") for _ in "12"]
        now = await stream.event()
        while moment(now["read"]).timestamp() < started["timeNano"] / 1e9:
            now = await stream.event()

    assert now["id"] == before["id"] == died["Actor"]["ID"] == started["Actor"]["ID"]
    assert (died["Action"], started["Action"]) == ("die", "start")
    assert died["Actor"]["Attributes"]["name"] == engine.container
    assert int(died["Actor"]["Attributes"]["exitCode"]) > 0
    assert died["timeNano"] <= started["timeNano"]
    grown = [each["cpu_stats"]["cpu_usage"]["total_usage"] for each in (before, now)]
    assert 0 < grown[1] < grown[0]


async def test_a_stream_ends_with_its_container(opened: Opened) -> None:
    """By the last chunk; then it is no more listed, and the connection can be used again."""
    async with (
        opened("removal") as engine,
        streaming(engine.socket, "/events") as told,
        streaming(engine.socket, stats(engine)) as stream,
    ):
        await stream.event()
        engine.happen()
        destroyed = await of_life(told, engine.container, "destroy")
        while await stream.chunk():
            pass
        listed = await stream.get("/containers/json?all=1")

    assert destroyed["Actor"]["Attributes"]["name"] == engine.container
    assert destroyed["Actor"]["ID"] not in {each["Id"] for each in listed}


async def test_the_programs_client_reads_it(opened: Opened) -> None:
    """It greets, lists, inspects and streams."""
    async with opened("quiet") as engine:
        transport = HttpTransport(parse_endpoint(engine.host))
        client = EngineClient("made up", transport)
        who = await client.connect()
        listed = {each.name: each for each in await client.containers(stopped=True)}
        inspected = await client.inspect(engine.container)
        async with frames_of(client, inspected.id, no_garbage) as frames:
            frame = await anext(frames)
        await client.close()

    assert who.kind == "docker"
    assert listed[engine.container].id == inspected.id
    assert listed[engine.exited].state == "exited"
    assert frame.running
    assert frame.networks
