"""Where a container's cgroups are: whatever made them, and only if they are really its own."""

import pytest
from captured_machine import CapturedMachine

from tidegauge.cgroups.places import Mount, folders_of, memberships, mounts
from tidegauge.errors import OutOfReach

KEY = "a77686a160656205299df6ff1004fae9f0e9a1bab13f0f082793c5c8100fcc1f"
USER = "/user.slice/user-1000.slice/user@1000.service"

UNIFIED = [Mount(frozenset({""}), "/", "/sys/fs/cgroup")]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (f"/docker/{KEY}", f"/docker/{KEY}"),
        (f"/system.slice/docker-{KEY}.scope", f"/system.slice/docker-{KEY}.scope"),
        (f"/mine.slice/docker-{KEY}.scope", f"/mine.slice/docker-{KEY}.scope"),
        (f"/some/parent/{KEY}", f"/some/parent/{KEY}"),
        (f"/docker/{KEY}/init.scope", f"/docker/{KEY}"),
        (f"{USER}/user.slice/docker-{KEY}.scope", f"{USER}/user.slice/docker-{KEY}.scope"),
        (f"/libpod_parent/libpod-{KEY}", f"/libpod_parent/libpod-{KEY}"),
        (f"/machine.slice/libpod-{KEY}.scope/container", f"/machine.slice/libpod-{KEY}.scope"),
        (f"{USER}/user.slice/libpod-{KEY}.scope", f"{USER}/user.slice/libpod-{KEY}.scope"),
        (
            f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{KEY}.scope",
            f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{KEY}.scope",
        ),
    ],
)
def test_each_driver_and_parent(path, folder):
    """The part of the path with the id is the container's, whoever chose the rest."""
    found = folders_of(KEY, memberships(f"0::{path}\n"), UNIFIED)

    assert {name: str(at) for name, at in found.items()} == {"": f"/sys/fs/cgroup{folder}"}


def test_controllers_of_version_1_that_are_mounted_together():
    """One hierarchy has several, in any order of their names, and named ones have none."""
    known = mounts(
        "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    paths = memberships(f"4:cpuacct,cpu:/docker/{KEY}\n1:name=systemd:/docker/{KEY}\n0::/\n")

    found = folders_of(KEY, paths, known)

    at = f"/sys/fs/cgroup/cpu,cpuacct/docker/{KEY}"
    assert str(found["cpu"]) == str(found["cpuacct"]) == at
    assert found.keys() == {"cpu", "cpuacct", "name=systemd"}


def test_a_part_of_the_tree_that_is_mounted_elsewhere():
    """What is outside of it is not found, and a name that only begins alike is outside."""
    known = mounts("40 30 0:26 /docker /host/my\\040groups ro - cgroup2 cgroup2 rw\n")

    inside = folders_of(KEY, {"": f"/docker/{KEY}"}, known)

    assert {str(each) for each in inside.values()} == {f"/host/my groups/{KEY}"}
    assert folders_of(KEY, {"": f"/dockers/{KEY}"}, known) == {}


def test_a_cgroup_namespace():
    """Paths that lead out of it cannot be followed; the sentence says what to do."""
    with pytest.raises(OutOfReach, match="--cgroupns host"):
        folders_of(KEY, {"": f"/../docker-{KEY}.scope"}, UNIFIED)


def test_lines_that_are_cut_are_none():
    """Neither file is trusted to be whole."""
    assert (
        mounts("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup\n33 31\n\n - cgroup2 cgroup2 rw") == []
    )
    assert memberships("9:pids\n8\n\n7:cpu:docker\n0::/a") == {"": "/a"}


@pytest.fixture
def hybrid(tmp_path):
    return CapturedMachine("hybrid", tmp_path)


def test_a_process_of_another_container(hybrid):
    """A number that was used again, or is of another machine, is not taken for the container's."""
    with pytest.raises(OutOfReach, match="--pid host"):
        hybrid.reader().open("f" * 64, hybrid.pid, "bridge")


def test_a_process_that_is_not_there(hybrid):
    """So it is when the engine is on another machine."""
    with pytest.raises(OutOfReach, match="own machine"):
        hybrid.reader().open(hybrid.key, 99999, "bridge")


def test_cgroups_that_are_not_mounted_here(hybrid):
    """So it is in a container without them."""
    (hybrid.proc / "self/mountinfo").write_text("24 30 0:22 / /proc rw - proc proc rw\n")

    with pytest.raises(OutOfReach, match="-v /sys/fs/cgroup"):
        hybrid.open()


def test_a_container_that_does_not_run(hybrid):
    """Its process has the number 0."""
    with pytest.raises(OutOfReach, match="tells no process"):
        hybrid.reader().open(hybrid.key, 0, "bridge")


def in_its_own_namespace(hybrid, number):
    """As by an engine in a pid namespace: there the container's process has this number."""
    within = hybrid.proc / "4239/root/proc"
    within.mkdir(parents=True)
    hybrid.process.rename(within / str(number))


def test_an_engine_in_a_pid_namespace_of_its_own(hybrid):
    """Its listening process shows it the processes by its own numbers, and they are verified."""
    in_its_own_namespace(hybrid, 7)
    other = hybrid.proc / "7"
    other.mkdir()
    (other / "cgroup").write_text("0::/\n")

    probe = hybrid.reader(lambda: 4239).open(hybrid.key, 7, "bridge")

    assert probe.read().cpu_stats.cpu_usage.total_usage == 1484372791
    with pytest.raises(OutOfReach):
        hybrid.reader().open(hybrid.key, 7, "bridge")
    with pytest.raises(OutOfReach):
        hybrid.reader(lambda: 4239).open("e" * 64, 7, "bridge")


def test_other_containers_of_another_engine_are_not_looked_for(hybrid):
    """Two engines may share a parent: a cgroup that no process led to is never opened."""
    twin = "d" * 64
    for folder in hybrid.cgroup.glob("*/docker"):
        (folder / twin).mkdir()

    with pytest.raises(OutOfReach):
        hybrid.reader().open(twin, 5, "bridge")
