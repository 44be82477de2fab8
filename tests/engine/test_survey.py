"""A real engine is asked what it has and what of a disk it takes; a recording keeps the answers."""

import asyncio
import os

import pytest

from servers.engine import DockerEngine
from taped import Live, only, replayed
from tidegauge.config import EngineOptions, Options
from waiting import wait_until_async

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

# By the API, which is what is on a tape.
BY_API = Options(engines=(EngineOptions(source="api"),), tick_interval=0.5)
OFTEN = only(BY_API, "s-*")


def told(keep):
    """The newest value of each series so far, by name and attribute values."""
    return {
        (each.metric.name, *(value for _, value in each.attributes)): each.last
        for snapshot in keep.snapshots
        for each in snapshot.series
    }


async def test_what_of_a_disk_is_used(require, tmp_path):
    """5 MB in a container's layer, 1 MB in a volume, the file system of the data root; replayed."""
    require(DockerEngine)
    data, path = tmp_path / "data", tmp_path / "tape"
    data.mkdir()
    with DockerEngine("surveyed", options=("--data-root", str(data))) as engine:
        write = "head -c 5000000 /dev/zero > /f; head -c 1000000 /dev/zero > /v/f; exec sleep 10000"
        engine.run("s-writer", "sh", "-c", write, options=("--volume", "kept:/v"))
        engine.run("s-idle", "sleep", "10000")
        async with Live(path, OFTEN, here=True, local=engine.host) as live:
            seen = told(live.keep)

            def known():
                seen.update(told(live.keep))
                return ("engine.volume.size", "kept") in seen

            await wait_until_async(known, 40, "the survey")
        disk = os.statvfs(data)

    where = str(data)
    assert seen["engine.filesystem.capacity", where] == disk.f_blocks * disk.f_frsize
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    assert seen["engine.filesystem.usage", where] == pytest.approx(used, rel=0.2)
    assert 1e6 <= seen["engine.volume.size", "kept"] < 1.2e6
    assert seen["engine.volumes.size",] == seen["engine.volume.size", "kept"]
    assert seen["engine.images.size",] > 1e6
    assert seen["engine.containers", "running"] == 2
    assert (seen["engine.images",], seen["engine.volumes",]) == (1, 1)
    assert seen["engine.cpu.count",] == os.cpu_count()
    assert 0.9 < seen["engine.stats.cycle",] < 10
    layers = {
        alias: samples[-1]
        for (_, alias, name, _), (samples, _) in live.keep.recorded.items()
        if name == "container.filesystem.usage"
    }
    assert 5e6 <= layers.pop("s-writer") < 5.2e6
    assert layers == {"s-idle": 0}
    assert dict(live.journal.counts) == {}

    again = await asyncio.to_thread(replayed, path, OFTEN)

    of_here = ("engine.filesystem.", "engine.stats.rate", "engine.process.")
    ours = {key for key in live.keep.recorded if key[2].startswith(of_here)}
    assert {*live.keep.recorded} - {*again.recorded} == ours  # measured here, so not on the tape
    assert {key: again.recorded[key][1] for key in again.recorded if "size" in key[2]} == {
        key: live.keep.recorded[key][1] for key in live.keep.recorded if "size" in key[2]
    }
    assert again.counts == {}
