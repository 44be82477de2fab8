"""What a container may use, from what engines say of it."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegauge.docker.client import InspectedContainer
from tidegauge.docker.frames import HostConfig
from tidegauge.docker.resources import Resources

NONE = Resources()
ANY = st.none() | st.integers(-(2**63), 2**64)


def allowed(**told: object) -> Resources:
    """By the ``HostConfig`` of an inspected container with these fields."""
    body = json.dumps({"Id": "c0", "HostConfig": told})
    return Resources.of(msgspec.json.decode(body, type=InspectedContainer).host_config)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"NanoCpus": 500_000_000}, (0.5, 50_000, 100_000)),
        ({"NanoCpus": 2_500_000_000, "CpuQuota": 0, "CpuPeriod": 0}, (2.5, 250_000, 100_000)),
        ({"CpuQuota": 30_000, "CpuPeriod": 0}, (0.3, 30_000, 100_000)),
        ({"CpuQuota": 30_000, "CpuPeriod": 20_000}, (1.5, 30_000, 20_000)),
        ({"CpuQuota": -1, "CpuPeriod": 100_000}, (None, None, None)),
        ({"CpuPeriod": 50_000, "CpusetCpus": "3"}, (1, None, None)),
        ({"CpuQuota": 50_000, "CpusetCpus": "0-3"}, (0.5, 50_000, 100_000)),
    ],
)
def test_cores_are_of_the_quota_before_the_set_of_cpus(
    told: dict[str, object], expected: tuple[float | None, int | None, int | None]
) -> None:
    """``--cpus`` is a quota of 100 ms, as Docker makes it; a period alone limits nothing."""
    found = allowed(**told)

    assert (found.cpus, found.cpu_quota, found.cpu_period) == expected


@pytest.mark.parametrize(
    ("told", "cpus"),
    [
        ("0", 1),
        ("0-3", 4),
        ("0-2,7", 4),
        (" 1 , 3-4 ", 3),
        ("0-2,1", 3),
        ("", None),
        (None, None),
        ("3-1", None),
        ("0-99999999", None),
        ("a", None),
        ("1,,2", None),
    ],
)
def test_a_set_of_cpus_is_counted(told: str | None, cpus: int | None) -> None:
    """Each CPU once; what is no set of CPUs limits nothing."""
    assert allowed(CpusetCpus=told).cpus == cpus


@pytest.mark.parametrize("nothing", [0, -1, None, 2**63 - 1, 2**63 - 4096])
def test_no_limit_is_written_in_many_ways(nothing: int | None) -> None:
    """Docker, Podman and the kernel each have their own; none of them is a limit."""
    names = ("Memory", "MemorySwap", "MemoryReservation", "PidsLimit", "CpuShares", "NanoCpus")

    assert allowed(**dict.fromkeys(names, nothing)) == NONE
    assert allowed() == NONE


def test_what_docker_sends_of_a_limited_container() -> None:
    """Recorded: Docker 20.10 of ``--memory 64m``, with swap made the double of it."""
    found = allowed(
        NetworkMode="default",
        CpuShares=0,
        Memory=67108864,
        NanoCpus=0,
        CpuPeriod=0,
        CpuQuota=0,
        CpusetCpus="",
        MemoryReservation=0,
        MemorySwap=134217728,
        PidsLimit=None,
    )

    assert found == Resources(memory=64 * 2**20, memory_swap=128 * 2**20)


def test_weights_reservations_and_tasks() -> None:
    """They are taken as they are."""
    told = {"CpuShares": 512, "MemoryReservation": 2**20, "PidsLimit": 50}

    assert allowed(**told) == Resources(cpu_shares=512, memory_reservation=2**20, pids=50)


@settings(deadline=None)
@given(ANY, ANY, ANY, st.none() | st.text("0123456789-, a", max_size=20))
def test_a_limit_is_never_zero_nor_negative(
    nano: int | None, quota: int | None, period: int | None, cpuset: str | None
) -> None:
    """Whatever an engine says: a limit is above 0, or there is none."""
    told = HostConfig(
        nano_cpus=nano, cpu_quota=quota, cpu_period=period, memory=quota, cpuset_cpus=cpuset
    )

    for limit in msgspec.structs.astuple(Resources.of(told)):
        assert limit is None or 0 < limit < 2**62
