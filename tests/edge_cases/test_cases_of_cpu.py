"""Edge cases of CPU: what engines leave out of it, and what makes it wrong."""

import json
from datetime import datetime, timedelta

import pytest

from edge_cases.chain import ABSENT, Chain, all_edited, chained, edited
from recorded import RECORDINGS, a_container, lines, streams

BURN = lines("docker-20.10.24-cgroup1/stats-stream-burn")
BURN_V2 = lines("docker-26.1.5-cgroup2/stats-stream-burn")
PODMAN = lines("podman-5.4.2-cgroup1/stats-stream-burn")

SECOND = 10**9


def cores(chain: Chain) -> list[float]:
    return [float(one) for one in chain.samples("cpu.usage")]


def by_hand(some: list[str]) -> list[float]:
    """Cores from the raw numbers of neighbouring lines."""
    frames = [json.loads(line) for line in some]
    used = [frame["cpu_stats"]["cpu_usage"]["total_usage"] for frame in frames]
    at = [datetime.fromisoformat(frame["read"]) for frame in frames]
    return [
        (used[n] - used[n - 1]) / ((at[n] - at[n - 1]) / timedelta(seconds=1) * SECOND)
        for n in range(1, len(frames))
    ]


def shifted(line: str, seconds: float) -> str:
    """The line as if made so much later."""
    read = datetime.fromisoformat(json.loads(line)["read"]) + timedelta(seconds=seconds)
    return edited(line, read=read.isoformat())


@pytest.mark.parametrize("online", [0, ABSENT], ids=["zero", "missing"])
def test_case_07_without_the_number_of_cpus_the_rate_is_the_same(online: object) -> None:
    """Cores are CPU time over time, so old engines that do not tell ``online_cpus`` lack nothing.

    Recorded lines, that field edited by hand.
    """
    assert cores(chained(all_edited(BURN, cpu_stats__online_cpus=online))) == cores(chained(BURN))


@pytest.mark.parametrize("percpu", [ABSENT, [1] * 128, None], ids=["missing", "possible", "null"])
def test_case_08_the_list_of_cpus_is_not_looked_at(percpu: object) -> None:
    """``percpu_usage`` may list CPUs that are not there (v1) or be absent (v2): it changes nothing.

    Recorded lines of v1, that field edited by hand; those of v2 never have it.
    """
    assert all("percpu_usage" not in line for line in BURN_V2)
    assert len(cores(chained(BURN_V2))) == len(BURN_V2) - 1

    odd = chained(all_edited(BURN, cpu_stats__cpu_usage__percpu_usage=percpu))

    assert cores(odd) == cores(chained(BURN))


def test_case_09_without_the_hosts_cpu_time_there_is_a_rate_and_no_capacity() -> None:
    """``system_cpu_usage`` missing (Windows, Podman) costs the capacity series and nothing else.

    Recorded lines, that field taken out by hand.
    """
    whole = chained(BURN)

    without = chained(all_edited(BURN, cpu_stats__system_cpu_usage=ABSENT))

    assert cores(without) == cores(whole)
    assert whole.names() - without.names() == {"cpu.capacity.time"}


def test_case_23_stolen_time_does_not_inflate_the_rate() -> None:
    """Where a hypervisor takes half of the host's time, a container still used what it used.

    Recorded lines, the host's CPU time edited by hand.
    """
    robbed = [
        edited(
            line, cpu_stats__system_cpu_usage=json.loads(line)["cpu_stats"]["system_cpu_usage"] // 2
        )
        for line in BURN
    ]

    assert cores(chained(robbed)) == pytest.approx(by_hand(BURN), rel=1e-5)


def test_case_24a_a_sleep_of_the_host_is_one_long_interval() -> None:
    """Samples an hour apart give one small rate, no negative one, and all CPU time is counted.

    Recorded lines, times shifted by hand.
    """
    slept = chained([*BURN[:5], *(shifted(line, 3600) for line in BURN[5:])])

    assert len(cores(slept)) == len(BURN) - 1
    assert 0 < min(cores(slept)) == cores(slept)[4] < 0.001
    assert slept.total("cpu.time") == chained(BURN).total("cpu.time")


def test_case_24b_a_clock_set_back_gives_no_rate_and_loses_no_time() -> None:
    """Three older samples in a row are a clock set back: rates stop for those, totals go on.

    Recorded lines, times shifted by hand.
    """
    back = chained([*BURN[:5], *(shifted(line, -3600) for line in BURN[5:])])

    assert back.journal.counts == {"sample out of order": 2}
    assert 0 < min(cores(back)) <= max(cores(back)) < 0.4
    assert back.total("cpu.time") == chained(BURN).total("cpu.time")


def test_case_24c_nothing_is_divided_by_less_than_100_ms() -> None:
    """A sample 50 ms behind another gives no rate, and is counted as dropped.

    Recorded lines, one of them repeated with its time edited by hand.
    """
    chain = chained([*BURN[:3], shifted(BURN[2], 0.05), *BURN[3:]])

    assert cores(chain) == cores(chained(BURN))
    assert chain.journal.counts == {"sample out of order": 1}


def test_case_24d_more_cpu_than_the_host_has_is_flagged_and_kept() -> None:
    """A rate above the CPUs online is counted and told once, and stays in the series as it came.

    Recorded lines, one of them an hour of CPU time ahead by hand; no recording is flagged.
    """
    ahead = json.loads(BURN[3])["cpu_stats"]["cpu_usage"]["total_usage"] + 3600 * SECOND
    some = [*BURN[:3], *all_edited(BURN[3:5], cpu_stats__cpu_usage__total_usage=ahead)]

    chain = chained(some)

    assert chain.journal.counts == {"impossible cpu": 1}
    assert chain.sentences[0].startswith("web used 35")
    assert (
        "CPUs, says engine e, which has 2: its clock or its counters jumped." in chain.sentences[0]
    )
    assert max(cores(chain)) > 3000


@pytest.mark.parametrize("path", streams(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_recording_is_flagged_for_its_cpu(path) -> None:
    """What real engines send of real containers is possible."""
    recorded = path.read_text(encoding="utf-8").splitlines()

    chain = chained(recorded, a_container(path.parent.name))

    assert "impossible cpu" not in chain.journal.counts


def test_case_27a_podman_by_its_own_rules() -> None:
    """A rate from times 5 s apart agrees with Podman's own; its capacity and throttling are unsaid.

    Recorded: Podman 5.4.
    """
    chain = chained(PODMAN, a_container("podman"))

    said = [json.loads(line)["cpu_stats"]["cpu"] / 100 for line in PODMAN[1:]]
    assert cores(chain) == pytest.approx(said, rel=2e-3)
    assert chain.samples("cpu.time")
    assert not chain.names() & {
        *("cpu.capacity.time", "cpu.throttling.periods", "cpu.throttling.time", "pids.limit")
    }


def test_case_27b_podmans_single_sample_gives_no_rate() -> None:
    """With ``stream=false`` its ``precpu_stats`` are zero: that is no rate since the beginning.

    Recorded: Podman 5.4, the reply to ``stream=false``.
    """
    reply = (RECORDINGS / "podman-5.4.2-cgroup1/stats-once-burn.json").read_text("utf-8")
    assert json.loads(reply)["precpu_stats"]["cpu_usage"]["total_usage"] == 0

    chain = chained([reply.strip()], a_container("podman"))

    assert "memory.usage" in chain.names()
    assert cores(chain) == chain.samples("cpu.time") == []
