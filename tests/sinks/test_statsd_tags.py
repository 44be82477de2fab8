"""DogStatsD's tags in a real StatsD: it understands every line and keeps tags as Graphite's."""

import pytest
from msgspec.structs import replace

from servers.graphite import Graphite
from servers.statsd import Statsd
from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.exporters import Agent
from tidegauge.exporters.statsd import StatsdOptions, statsd
from tidegauge.metrics import catalogue
from waiting import wait_until

pytestmark = pytest.mark.sinks


async def test_a_real_statsd_keeps_the_tags(graphite: Graphite) -> None:
    """One timer for each container, under the short name with its tags."""
    pids = a_series(catalogue.PIDS, 3, 3, 5)
    web = replace(pids, entity=replace(pids.entity, tags=(("project", "shop:1|#,"),)))
    with Statsd(graphite, flush_ms=3_600_000) as server:
        agent = Agent("h1", several_engines=False, clock=SystemClock(), journal=a_journal()[0])
        options = StatsdOptions(port=server.port, tags="datadog", repeats="each")
        exporter = statsd(options, agent)
        await exporter.send(
            exporter.encode(a_snapshot(web, a_series(catalogue.PIDS, 7, alias="d/b é")))
        )
        await exporter.close()
        key = "kamon.docker-pids.current;container={};engine=local;host=h1{}"
        wait_until(
            lambda: (
                server.timers()
                == {
                    key.format("web", ";project=shop_1___"): [3, 3, 5],
                    key.format("d-b__", ""): [7],
                }
            ),
            5,
            "two timers with tags",
        )
        assert server.bad_lines() == 0
