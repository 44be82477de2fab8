"""The names and labels that dashboards made for cAdvisor query."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from registries import record, registry_of, running, surroundings

from manual_clock import ManualClock
from recorded import a_container, frames
from tidegauge.docker.frames import Container, Engine, Sample
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources
from tidegauge.docker.stock import ContainerSize
from tidegauge.exporters.options import Chosen
from tidegauge.prometheus.cadvisor import CadvisorNames
from tidegauge.prometheus.text import Page

V1, V2 = "docker-20.10.24-cgroup1/stats-stream-io-counted", "docker-26.1.5-cgroup2/stats-stream-io"
PROJECT, TEAM = "com.docker.compose.project", "com.example.team"

QUERIED = (
    "container_cpu_usage_seconds_total",
    "container_memory_usage_bytes",
    "container_network_receive_bytes_total",
    "container_network_transmit_bytes_total",
    "container_last_seen",
    "container_cpu_user_seconds_total",
    "machine_cpu_cores",
    "container_spec_cpu_quota",
    "container_spec_cpu_period",
    "container_fs_usage_bytes",
    "container_memory_working_set_bytes",
    "container_fs_limit_bytes",
    "container_spec_memory_limit_bytes",
    "container_memory_cache",
    "container_cpu_cfs_periods_total",
    "machine_memory_bytes",
    "container_fs_inodes_total",
    "container_tasks_state",
    "container_memory_rss",
    "container_fs_reads_total",
    "container_fs_writes_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_start_time_seconds",
    "container_spec_memory_reservation_limit_bytes",
    "container_network_receive_packets_dropped_total",
    "container_network_transmit_packets_dropped_total",
    "container_network_receive_errors_total",
    "container_network_transmit_errors_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
)
"""What eight public collections of dashboards and alerts query, most frequent first."""


async def shown(seen: Sequence[Any], clock: ManualClock | None = None) -> list[Any]:
    """Every sample of the page, of a registry that saw this."""
    clock = clock or ManualClock()
    registry = await registry_of(seen, clock)
    return await samples(Page(CadvisorNames((PROJECT, TEAM), clock), registry, clock))


async def samples(page: Page) -> list[Any]:
    text = (await page.render()).decode()
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def values(found: Sequence[Any], name: str, /, **labels: str) -> list[float]:
    """Of the samples that have at least these labels."""
    return [one.value for one in found if one.name == name and labels.items() <= one.labels.items()]


def limited(container: Container, **limits: Any) -> Sequence[Any]:
    """A container that runs with these limits."""
    condition = Condition(container, "running", restarts=0, resources=Resources(**limits))
    return [condition, *(Sample(container, frame) for frame in frames(V1)[:3])]


async def test_what_dashboards_query_is_there() -> None:
    """Of the 30 series counted in public dashboards all but container_tasks_state."""
    of = a_container(id="c" * 64, started_at="2026-01-01T00:00:00Z")
    seen = limited(of, cpu_quota=1, cpu_period=2)
    found = await shown([*seen, ContainerSize(of, 7, 300.0), *surroundings()])

    assert len(QUERIED) == 30
    assert set(QUERIED) - {one.name for one in found} == {"container_tasks_state"}


async def test_a_container_is_known_by_the_labels_of_cadvisor() -> None:
    """Its id as a path, its own name, its image; chosen labels, empty where it has none."""
    of = a_container(id="c" * 64, name="shop-web-1", alias="web", image="shop/web:3")
    of_team = a_container(id="d" * 64, name="db", alias="db", labels=((TEAM, "blue"),))
    found = await shown([*running(of, V2, 2), *running(of_team, V2, 2)])

    identities = {tuple(one.labels.items())[:6] for one in found if "id" in one.labels}
    assert sorted(map(dict, identities), key=lambda labels: labels["id"]) == [
        {
            "container_label_com_docker_compose_project": "",
            "container_label_com_example_team": team,
            "engine": "e",
            "id": f"/docker/{key * 64}",
            "image": image,
            "name": name,
        }
        for key, name, image, team in (
            ("c", "shop-web-1", "shop/web:3", ""),
            ("d", "db", "", "blue"),
        )
    ]


async def test_all_series_of_a_family_have_the_same_labels() -> None:
    """Machines and containers alike, as joins need it."""
    found = await shown([*running(a_container(), V1, 3), *surroundings()])
    names = {}
    for one in found:
        assert names.setdefault(one.name, one.labels.keys()) == one.labels.keys()


async def test_no_limit_is_said_as_cadvisor_says_it() -> None:
    """0 bytes and tasks, the kernel's own period and weight, and no quota at all."""
    found = await shown(limited(a_container()))

    assert values(found, "container_spec_cpu_quota") == []
    assert values(found, "container_spec_cpu_period") == [100_000]
    assert values(found, "container_spec_cpu_shares") == [1024]
    assert values(found, "container_spec_memory_limit_bytes") == [0]
    assert values(found, "container_spec_memory_swap_limit_bytes") == [0]
    assert values(found, "container_spec_memory_reservation_limit_bytes") == [0]
    assert values(found, "container_threads_max") == [0]


async def test_limits_are_in_the_units_of_cadvisor() -> None:
    """Microseconds of CPU, bytes, tasks."""
    limits = {"cpu_quota": 30_000, "cpu_period": 50_000, "cpu_shares": 512, "memory": 1 << 20}
    found = await shown(limited(a_container(), **limits, memory_swap=1 << 21, pids=9))

    assert values(found, "container_spec_cpu_quota") == [30_000]
    assert values(found, "container_spec_cpu_period") == [50_000]
    assert values(found, "container_spec_cpu_shares") == [512]
    assert values(found, "container_spec_memory_limit_bytes") == [1 << 20]
    assert values(found, "container_spec_memory_swap_limit_bytes") == [1 << 21]
    assert values(found, "container_threads_max") == [9]


@pytest.mark.parametrize(
    ("health", "state"), [(None, -1), ("starting", 0), ("unhealthy", 0), ("healthy", 1)]
)
async def test_health_is_a_number(health: str | None, state: int) -> None:
    """1 is healthy; a container without a check has -1."""
    of = a_container()
    found = await shown([*limited(of), Condition(of, "running", health)])
    assert values(found, "container_health_state") == [state]


async def test_page_faults_are_all_and_the_major_ones() -> None:
    """cAdvisor's pgfault counts both kinds, as the kernel does."""
    detail = frames(V2)[0].memory_stats.stats
    found = await shown(running(a_container(), V2, 1))

    name = "container_memory_failures_total"
    assert values(found, name, failure_type="pgfault") == [detail.pgfault]
    assert values(found, name, failure_type="pgmajfault") == [detail.pgmajfault]


async def test_a_container_that_does_not_run_is_not_there() -> None:
    """As with cAdvisor, whose containers are groups of processes; nor is a silent one."""
    clock, of = ManualClock(), a_container()
    registry = await registry_of(limited(of), clock)
    page = Page(CadvisorNames((), clock), registry, clock)

    await clock.advance(29)
    assert values(await samples(page), "container_last_seen") == [1000]
    await clock.advance(2)
    assert values(await samples(page), "container_last_seen") == []
    await record(registry, [Sample(of, frames(V1)[3])])
    assert values(await samples(page), "container_last_seen") == [1031]
    registry.condition(Condition(of, "exited"))
    assert [one for one in await samples(page) if "name" in one.labels] == []


async def test_only_what_is_chosen_is_there() -> None:
    """And nothing that is made of what is not: no health is told where none is looked at."""
    clock, web, db = ManualClock(), a_container(alias="web"), a_container(id="2", alias="db")
    registry = await registry_of([*limited(web), *limited(db)], clock)
    chosen = Chosen(("w*",), ("container.memory.*", "!container.memory.cache"))
    found = await samples(Page(CadvisorNames((), clock, chosen.takes), registry, clock))

    assert {one.labels["id"] for one in found} == {f"/docker/{web.id}"}
    assert {one.name for one in found} == {
        *("container_last_seen", "container_memory_failcnt", "container_memory_max_usage_bytes"),
        *("container_memory_rss", "container_memory_usage_bytes"),
        *("container_memory_working_set_bytes", "container_spec_memory_limit_bytes"),
        *("container_spec_memory_reservation_limit_bytes",),
        "container_spec_memory_swap_limit_bytes",
    }


async def test_the_machine_is_the_container_of_all() -> None:
    """id="/" has what the kernel says; idle time is no use of a CPU."""
    found = await shown(surroundings())

    def of_machine(name: str) -> list[float]:
        return values(found, name, id="/", name="", image="")

    assert of_machine("container_cpu_usage_seconds_total") == [3.000000012]
    assert of_machine("container_memory_usage_bytes") == [4000]
    assert of_machine("container_memory_working_set_bytes") == [3200]
    assert of_machine("container_spec_memory_limit_bytes") == [8000]
    assert of_machine("container_fs_usage_bytes") == [600]
    assert of_machine("container_fs_inodes_free") == [60]
    assert values(found, "machine_cpu_cores", engine="e") == [2]


async def test_two_engines_never_give_one_series_twice() -> None:
    """The label engine keeps them apart, also where containers have the same id."""
    engines = [Engine(name) for name in ("a", "b")]
    found = await shown(
        [
            *(
                seen
                for each in engines
                for seen in limited(msgspec.structs.replace(a_container(), engine=each))
            ),
            *(seen for each in engines for seen in surroundings(each)[:2]),
        ]
    )
    keys = [(one.name, *sorted(one.labels.items())) for one in found]
    assert len(keys) == len({*keys})
    assert values(found, "container_threads_max") == [0, 0]
    assert values(found, "container_fs_limit_bytes") == [1000, 1000]
