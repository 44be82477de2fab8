"""Reads in turn, on an engine that answers them at once: Docker since 25.0."""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import pytest

from engine.watching import Watching
from engines.doing import does, more_samples
from engines.truth import cores_between, cpu_time
from servers.newer import Docker26
from tidegauge.clock import SystemClock
from tidegauge.docker.interest import Interest
from tidegauge.docker.pacing import FIRST_SECONDS, Demand
from tidegauge.metrics.catalogue import CPU_TIME
from waiting import wait_until_async

pytestmark = [pytest.mark.engines, pytest.mark.timeout(300)]

LONG_TICK = Demand(5.0, each_second=False)
NAMES = ("turn-burn", "turn-1", "turn-2")


@pytest.fixture(scope="module")
def docker(require) -> Iterator[Docker26]:
    require(Docker26)
    with Docker26("turns") as engine:
        yield engine


async def test_reads_go_on_where_streams_ended_and_streams_where_reads_did(docker):
    """Nothing is doubled: CPU time is the kernel's over both changes, and each read is later."""
    burner = docker.burn("turn-burn", 0.3)
    docker.run("turn-1", "sleep", "1000")
    docker.run("turn-2", "sleep", "1000")
    async with Watching(docker, ["turn-*"], demand=LONG_TICK) as watching:
        follower, reads = watching.follower, watching.reads["turn-burn"]
        follower.interest = interest = Interest(SystemClock())
        await more_samples(watching, "turn-burn", 1)
        first, begun = cpu_time(docker, burner), watching_total(watching)
        await wait_until_async(
            lambda: follower.read_in_turn == 3, FIRST_SECONDS + 60, "all are read in turn"
        )
        streamed = len(reads)
        await wait_until_async(lambda: len(reads) >= streamed + 5, 60, "five reads")
        in_turn = reads[streamed:]
        interest.look("turn-burn")
        await wait_until_async(lambda: follower.read_in_turn == 2, 30, "one is looked at")
        looked_at = len(reads)
        await wait_until_async(lambda: len(reads) >= looked_at + 4, 30, "its samples")
        last, ended = cpu_time(docker, burner), watching_total(watching)
        await does(docker, "rm", "--force", *NAMES)

    seconds = [later - earlier for earlier, later in pairwise(in_turn)][1:]
    assert median(seconds) == pytest.approx(LONG_TICK.interval, abs=1.5), seconds
    streams = [later - earlier for earlier, later in pairwise(reads[looked_at:])]
    assert median(streams) < 3, streams
    assert [*reads] == sorted(set(reads))
    assert (ended - begun) / 1e9 == pytest.approx(last.used - first.used, abs=0.4)
    assert 0.1 < cores_between(first, last) < 0.33
    for name in NAMES:
        watching.holds_no_wrong_number(name, paused=name != "turn-burn")
    assert "garbage received" not in watching.journal.counts


def watching_total(watching: Watching) -> float:
    """CPU time of the burner so far, in nanoseconds."""
    watching.collect()
    return watching.totals["turn-burn", CPU_TIME.name, ()][-1]
