"""The numbers agree with the docker client's own ``docker stats`` on the same containers."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from docker_stats import close, docker_stats, percent, size
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def containers(docker_engine):
    """A busy one, an idle one, one with traffic, one with block IO, one with many processes."""
    volume = docker_engine.counted_volume()
    docker_engine.burn("n-burn")
    docker_engine.run("n-idle", "sleep", "10000")
    fill = "head -c 30000000 /dev/zero > /held; exec sleep 10000"
    docker_engine.run("n-held", "sh", "-c", fill, options=("--memory", "200m"))
    docker_engine.run("n-serve", "sh", "-c", "head -c 3000000 /dev/zero >/f; exec httpd -f -h /")
    docker_engine.run("n-many", "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 10000 & done; wait")
    write = "dd if=/dev/zero of=/data/f bs=64k count=100 oflag=direct; exec sleep 10000"
    docker_engine.run("n-blocks", "sh", "-c", write, options=volume.options)
    at = docker_engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "n-serve")
    docker_engine.docker("exec", "n-idle", "wget", "-q", "-O", "/dev/null", f"{at}/f")
    wait_until(lambda: docker_engine.stats("n-many")["pids_stats"]["current"] == 7, 10, "7 tasks")
    names = [f"n-{name}" for name in ("burn", "idle", "held", "serve", "many", "blocks")]
    yield names
    docker_engine.docker("rm", "--force", *names)


@pytest.fixture(scope="module")
def both(docker_engine, containers):
    """What ``docker stats`` and ``tidegauge once`` print in the same seconds, by name."""

    def ours():
        environ = os.environ | {"DOCKER_HOST": docker_engine.host}
        command = [sys.executable, "-m", "tidegauge", "once", "--json"]
        done = subprocess.run(command, env=environ, capture_output=True, check=True)
        return {row["name"]: row for row in json.loads(done.stdout)}

    before = ours()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(docker_stats, docker_engine, containers), pool.submit(ours)
        theirs, beside = asked[0].result(), asked[1].result()
    return theirs, beside, before, ours()


@pytest.fixture(params=["burn", "idle", "held", "serve", "many", "blocks"])
def pair(request, both):
    name = f"n-{request.param}"
    return both[0][name], both[1][name]


@pytest.fixture(params=["burn", "idle", "held", "serve", "many", "blocks"])
def around(request, both):
    """The client's, and ours before it, after it and beside it.

    A network carries a packet of the kernel's now and then.
    """
    name = f"n-{request.param}"
    return tuple(both[at][name] for at in (0, 2, 3, 1))


def test_cpu_agrees(around):
    """One of ours within 5 points or 15 %, whichever is more: no two are of the same second."""
    theirs, ours = percent(around[0]["CPUPerc"]), [each["cpu_percent"] for each in around[1:]]

    assert any(abs(theirs - each) <= max(5, 0.15 * theirs) for each in ours), (theirs, ours)


def test_memory_agrees(pair):
    """Working set and limit within 1 %, percent to its two decimals."""
    used, limit = pair[0]["MemUsage"].split(" / ")

    assert pair[1]["memory_working_set_bytes"] == pytest.approx(size(used), rel=0.01)
    assert pair[1]["memory_limit_bytes"] == close(limit)
    assert pair[1]["memory_percent"] == pytest.approx(percent(pair[0]["MemPerc"]), abs=0.02)


def test_network_agrees(around):
    """Bytes received and sent, to the digits the client prints."""
    theirs, before, after, _ = around
    for shown, field in zip(theirs["NetIO"].split(" / "), ("receive", "transmit"), strict=True):
        low, high = before[f"network_{field}_bytes"], after[f"network_{field}_bytes"]

        assert low == close(shown) or high == close(shown) or low < size(shown) < high


def test_block_io_agrees(pair):
    """Bytes read and written; where the kernel counts none the client prints 0, we nothing."""
    read, written = pair[0]["BlockIO"].split(" / ")
    ours = pair[1]["disk_read_bytes"], pair[1]["disk_write_bytes"]

    if ours == (None, None):
        assert (size(read), size(written)) == (0, 0)
    else:
        assert ours == (close(read), close(written))


def test_pids_agree(pair):
    """Tasks exactly."""
    assert pair[1]["pids"] == int(pair[0]["PIDs"])


def test_the_comparison_compares_something(both):
    """Each kind of number is not 0 somewhere, or all would agree on nothing."""
    ours = both[1]

    assert ours["n-burn"]["cpu_percent"] > 20
    assert ours["n-held"]["memory_limit_bytes"] == 200 << 20
    assert ours["n-idle"]["network_receive_bytes"] > 3_000_000
    assert ours["n-blocks"]["disk_write_bytes"] == 100 << 16
    assert ours["n-many"]["pids"] == 7
