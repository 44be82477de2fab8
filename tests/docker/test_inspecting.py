"""What an engine says of a container when it is asked, from its reply to what is recorded."""

from pathlib import Path

from edge_cases.chain import Chain, following
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from waiting import wait_until_async

SETTLED = 5


def asked(engine: FakeEngine, container: str, **host_config: object) -> None:
    """What inspecting this container answers from now on."""
    reply = {
        "Id": container,
        "State": {"Status": "running", "StartedAt": "2026-11-22T10:00:00Z"},
        "HostConfig": host_config,
        "RestartCount": 2,
    }
    engine.replies[f"/containers/{container}/json"] = lambda c: c.json(reply)


def present(chain: Chain, *names: str) -> list[float | None]:
    """The newest values there are of these metrics."""
    chain.collect()
    found = {series.metric.name: series.last for series in chain.snapshots[-1].present}
    return [found.get(f"container.{name}") for name in names]


async def becomes(chain: Chain, names: tuple[str, ...], *expected: float | None) -> None:
    """Wait for these values."""
    await wait_until_async(lambda: present(chain, *names) == [*expected], SETTLED, f"{expected}")


async def test_limits_come_with_the_first_samples_and_change_with_docker_update(
    tmp_path: Path,
) -> None:
    """An ``update`` event makes it ask again."""
    names = ("cpu.limit.current", "memory.limit.current", "memory.available", "restart.count")
    async with FakeEngine(tmp_path / "s") as engine:
        container = engine.add("web", streaming(frame(1), frame(2)))
        asked(engine, container, NanoCpus=500_000_000, Memory=3000)
        async with following(engine.host) as chain:
            await becomes(chain, names, 0.5, 3000, 2000, 2)
            share = present(chain, "cpu.limit.utilization")
            assert share == [2.0], "a core of half a core"

            asked(engine, container, NanoCpus=2_000_000_000)
            await engine.ring("update", container)

            await becomes(chain, names[:2], 2.0, None)


async def test_limits_are_right_again_after_an_engine_was_away(tmp_path: Path) -> None:
    """They are unknown meanwhile, and asked for anew."""
    path, names = tmp_path / "s", ("memory.limit.current", "restart.count", "info")
    async with following(f"unix://{path}") as chain:
        for limit in (3000, 4000):
            async with FakeEngine(path) as engine:
                asked(engine, engine.add("web", streaming(frame(1))), Memory=limit)
                await becomes(chain, names, limit, 2, 1)
            await becomes(chain, names, None, None, None)
            path.unlink(missing_ok=True)


async def test_what_a_list_says_of_a_container_is_told(tmp_path: Path) -> None:
    """Its image by name and digest, and when it was made."""
    async with FakeEngine(tmp_path / "s") as engine:
        engine.add("web", streaming(frame(1)))
        engine.listed[0] |= {"ImageID": "sha256:1", "Created": 1795357918}
        async with following(engine.host) as chain:
            await becomes(chain, ("created.time", "info"), 1795357918, 1)
            chain.collect()
            (info,) = (
                dict(series.attributes)
                for series in chain.snapshots[-1].present
                if series.metric.name == "container.info"
            )

    assert info["container.image.id"] == "sha256:1"
    assert info["container.image.name"] == "img"
    assert info["container.runtime.version"] == "20.10.24"


async def test_a_reply_with_nothing_in_it_limits_nothing(tmp_path: Path) -> None:
    """Every field may be absent or null."""
    nothing = dict.fromkeys(("NanoCpus", "CpuQuota", "CpusetCpus", "Memory", "PidsLimit"))
    async with FakeEngine(tmp_path / "s") as engine:
        asked(engine, engine.add("web", streaming(frame(1))), **nothing)
        async with following(engine.host) as chain:
            await becomes(chain, ("restart.count", "memory.limit.current"), 2, None)
            assert present(chain, "pids.limit", "cpu.limit.current") == [None, None]
