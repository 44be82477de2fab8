"""What the decoder makes of a stats object."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from recorded import decode, frames, lines, streams
from tidegauge.docker.frames import (
    UNLIMITED,
    ContainerEvent,
    CpuStats,
    ListedContainer,
    NetworkStats,
    StatsFrame,
)

READ = '"read":"2026-11-22T14:32:46.954667702Z"'
MOST = 2**64 - 1


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recorded_object_decodes(path: Path) -> None:
    """Each object any recorded engine sent is a frame."""
    some = [decode(line) for line in path.read_text(encoding="utf-8").splitlines()]

    assert some
    assert any(frame.running for frame in some) or "loop" in path.stem  # it hardly ever runs


def test_a_recorded_object_keeps_its_numbers() -> None:
    """The numbers of a frame are those in the text, to the last digit."""
    frame = frames("docker-26.1.5-cgroup2/stats-stream-burn")[1]

    assert frame.read == datetime(2026, 11, 22, 14, 46, 42, 53190, UTC)
    assert frame.cpu_stats is not None
    assert frame.cpu_stats.cpu_usage is not None
    assert frame.cpu_stats.cpu_usage.total_usage == 42850286000
    assert frame.cpu_stats.cpu_usage.usage_in_kernelmode == 7283966000
    assert frame.cpu_stats.system_cpu_usage == 2635760000000
    assert frame.cpu_stats.throttling_data is not None
    assert frame.cpu_stats.throttling_data.throttled_time == 58286143000
    assert frame.memory_stats is not None
    assert frame.memory_stats.limit == 2070069248
    assert frame.networks == {"eth0": NetworkStats(866, 11, 0, 0, 0, 0, 0, 0)}
    assert frame.pids_stats is not None
    assert frame.pids_stats.limit == MOST
    assert frame.blkio_stats is not None
    assert frame.blkio_stats.io_service_bytes_recursive is None


def test_an_object_of_a_stopped_container_is_not_running() -> None:
    """The year 1 is how Docker says that a container does not run."""
    life = frames("docker-20.10.24-cgroup1/lifecycle-stream")

    assert [number for number, frame in enumerate(life) if not frame.running] == [
        *range(15, 20),
        *range(25, 29),
    ]


def test_unknown_fields_are_skipped() -> None:
    """An engine newer than we are may send what it likes beside the known fields."""
    frame = decode(
        f'{{{READ},"os_type":"linux","psi":{{"some":[1]}},'
        '"cpu_stats":{"cpu":0.5,"cpu_usage":{"total_usage":5,"percpu_usage":[5]}},'
        '"pids_stats":{"current":1,"peak":9}}'
    )

    assert frame.cpu_stats == msgspec.convert({"cpu_usage": {"total_usage": 5}}, CpuStats)


def test_an_object_of_nothing_but_a_time_is_a_frame_without_numbers() -> None:
    """What is absent is none, not zero."""
    frame = decode(f"{{{READ}}}")

    assert frame == StatsFrame(frame.read)
    assert frame.cpu_stats is frame.memory_stats is frame.networks is None
    assert frame.blkio_stats is frame.pids_stats is None


@pytest.mark.parametrize(
    "field",
    ["cpu_stats", "memory_stats", "networks", "blkio_stats", "pids_stats"],
)
def test_null_and_absent_mean_the_same(field: str) -> None:
    """A null part reads as one that was not sent."""
    assert decode(f'{{{READ},"{field}":null}}') == decode(f"{{{READ}}}")


def _nulled(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of everything inside a JSON value that could be null instead."""
    if isinstance(value, dict):
        inner = [(key, item) for key, item in value.items() if path or key != "read"]
    elif isinstance(value, list):
        return [found for n, item in enumerate(value) for found in _nulled(item, (*path, n))]
    else:
        return []
    return [(*path, key) for key, _ in inner] + [
        found for key, item in inner for found in _nulled(item, (*path, key))
    ]


def test_any_one_field_may_be_null() -> None:
    """No field but the time is needed: whichever an engine sends as null, the frame survives."""
    import json

    for recording in (
        "docker-20.10.24-cgroup1/lifecycle-stream",
        "docker-26.1.5-cgroup2/stats-stream-burn",
        "podman-5.4.2-cgroup1/stats-stream-two",
    ):
        whole = json.loads(lines(recording)[0])
        whole["blkio_stats"]["io_service_bytes_recursive"] = [
            {"major": 7, "minor": 0, "op": "Read", "value": 1}
        ]
        for path in _nulled(whole):
            holed = json.loads(json.dumps(whole))
            place = holed
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = None

            assert decode(json.dumps(holed)).running, path


def test_an_interface_without_some_count_has_none_there() -> None:
    """A count an engine leaves out is unknown, not zero."""
    frame = decode(f'{{{READ},"networks":{{"eth0":{{"rx_bytes":7}}}}}}')

    assert frame.networks == {"eth0": NetworkStats(rx_bytes=7)}
    assert NetworkStats().tx_errors is None


@pytest.mark.parametrize("count", [0, 2**53 + 1, 2**63, MOST])
def test_counts_are_exact_up_to_64_unsigned_bits(count: int) -> None:
    """No count is rounded or wrapped on its way in."""
    frame = decode(
        f'{{{READ},"pids_stats":{{"limit":{count}}},"networks":{{"a":{{"rx_bytes":{count}}}}}}}'
    )

    assert frame.pids_stats is not None
    assert frame.pids_stats.limit == count
    assert frame.networks == {"a": NetworkStats(rx_bytes=count)}


@pytest.mark.parametrize(
    "part",
    [
        '"cpu_stats":{"cpu_usage":{"total_usage":-1}}',
        '"cpu_stats":{"throttling_data":{"periods":-1}}',
        '"memory_stats":{"usage":-4096}',
        '"networks":{"eth0":{"rx_bytes":-1}}',
        '"blkio_stats":{"io_service_bytes_recursive":[{"op":"read","value":-1}]}',
        '"pids_stats":{"current":-1}',
        '"pids_stats":{"current":"1"}',
        '"memory_stats":{"usage":1.5}',
        '"memory_stats":[]',
    ],
)
def test_garbage_refuses_the_whole_frame(part: str) -> None:
    """A negative, broken or worded count is never recorded, nor anything beside it."""
    with pytest.raises(msgspec.ValidationError):
        decode(f"{{{READ},{part}}}")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"read":null}',
        '{"read":"2026-11-22T14:32:46"}',
        '{"cause":"container is stopped","message":"container is stopped","response":500}',
    ],
)
def test_a_frame_needs_a_time_with_a_zone(text: str) -> None:
    """Without a moment in time there is nothing to take a difference over."""
    with pytest.raises(msgspec.ValidationError):
        decode(text)


def test_a_time_with_an_offset_is_the_same_moment() -> None:
    """Engines may write their own zone."""
    assert (
        decode('{"read":"2026-11-22T16:32:46.5+02:00"}').read
        == decode('{"read":"2026-11-22T14:32:46.5Z"}').read
    )


def test_unlimited_is_below_every_way_engines_write_it() -> None:
    """Both 2^63-4096 (cgroup v1) and 2^64-1 (pids) count as no limit, real memory does not."""
    assert 64 * 2**40 < UNLIMITED <= 9223372036854771712 < MOST


def test_a_listed_container_goes_by_its_shortest_name() -> None:
    """Links add names of the form ``/a/b``; the slash before a name is not part of it."""
    listed = msgspec.json.decode(
        '{"Id":"f00","Names":["/peer/db","/web"],"State":"running"}', type=ListedContainer
    )

    assert listed.name == "web"
    assert ListedContainer("0123456789abcdef").name == "0123456789ab"


def test_an_event_keeps_its_nanoseconds() -> None:
    """An event's time is whole, and its actor's attributes are at hand."""
    event = msgspec.json.decode(
        '{"Type":"container","Action":"die","Actor":{"ID":"f00",'
        '"Attributes":{"exitCode":"137"}},"timeNano":1795358013349987271}',
        type=ContainerEvent,
    )

    assert (event.action, event.actor.id, event.actor.attributes["exitCode"], event.time_ns) == (
        *("die", "f00", "137"),
        1795358013349987271,
    )
