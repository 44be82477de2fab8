"""Network counters from the host's ends of interfaces, and from inside."""

import errno
import os
import struct

import pytest
from captured_machine import CapturedMachine, descriptors

from tidegauge.cgroups.netlink import Link, links_in, namespace_in, stats_in
from tidegauge.docker.frames import NetworkStats

ETH0, VETH, NAMESPACE = 31, 32, 5


class Kernel:
    """What netlink answers; the number of the container's interface is captured in its files."""

    def __init__(self) -> None:
        self.links_now = [Link(VETH, ETH0, NAMESPACE), Link(8, ETH0, NAMESPACE + 1)]
        self.sent, self.received = (5, 410), (12, 976)
        self.news = False
        self.broken = False
        self.closed = 0

    def __call__(self):
        if self.broken:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return self

    def changed(self):
        news, self.news = self.news, False
        return news

    def counters(self):
        if self.broken:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        (packets, size), (more, bigger) = self.sent, self.received
        ours = struct.pack("=8Q", packets, more, size, bigger, 70, 71, 72, 73)
        return {link.index: ours for link in self.links_now} | {1: bytes(64)}

    def links(self):
        return self.links_now

    def number_of(self, namespace):
        return NAMESPACE

    def close(self):
        self.closed += 1


@pytest.fixture
def hybrid(tmp_path):
    machine = CapturedMachine("hybrid", tmp_path)
    (machine.process / "ns").mkdir()
    (machine.process / "ns/net").write_text("")
    return machine


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def read(hybrid, kernel):
    """Sweeps; the counters of the interface in each."""
    reader = hybrid.reader(netlink=kernel)
    reader.begin()
    probe = reader.open(hybrid.key, hybrid.pid, "bridge")

    def sweep(count=1):
        seen = []
        for _ in range(count):
            reader.begin()
            networks = probe.read().networks
            seen.append(networks and networks["eth0"])
        return seen

    sweep(3)  # the whole look of the third is the last for ten samples
    return sweep


def inside(hybrid, text):
    (hybrid.process / "net/dev").write_text(f"Inter-|\n face |\n{text}\n")


def test_bytes_and_packets_are_the_hosts_the_other_way_round(read, kernel, hybrid):
    """What the host's end sent, the container received; errors and drops are not swapped."""
    kernel.received, kernel.sent = (20, 2000), (7, 700)
    inside(hybrid, "  eth0: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0")

    assert read() == [NetworkStats(2000, 20, 0, 0, 700, 7, 0, 0)]


def test_errors_and_drops_come_with_each_whole_look(read, kernel, hybrid):
    """They are counted at the container's own end only."""
    kernel.received, kernel.sent = (20, 2000), (7, 700)
    inside(hybrid, "  eth0: 2000 20 3 4 0 0 0 0 700 7 5 6 0 0 0 0")

    assert read(10)[-1] == NetworkStats(2000, 20, 3, 4, 700, 7, 5, 6)


def test_an_interface_of_another_namespace_is_not_taken(hybrid, kernel):
    """Its number alone would fit: the bridge of an engine may be in a namespace of its own."""
    kernel.links_now = [Link(VETH, ETH0, NAMESPACE + 1)]
    kernel.received = (99, 9999)
    reader = hybrid.reader(netlink=kernel)
    reader.begin()
    probe = reader.open(hybrid.key, hybrid.pid, "bridge")

    for _ in range(3):
        reader.begin()
        assert probe.read().networks == {"eth0": NetworkStats(976, 12, 0, 0, 410, 5, 0, 0)}


def test_a_network_that_is_connected_later(read, kernel, hybrid):
    """The change is heard of, and one that has no end at the host brings all inside."""
    inside(
        hybrid,
        "  eth0: 976 12 0 0 0 0 0 0 410 5 0 0 0 0 0 0\n  eth1: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0",
    )
    kernel.received = (99, 9999)
    kernel.news, kernel.links_now = True, [Link(VETH, ETH0, NAMESPACE), Link(40, 39, NAMESPACE)]

    assert read() == [NetworkStats(976, 12, 0, 0, 410, 5, 0, 0)]


def test_an_end_at_the_host_that_is_gone(read, kernel):
    """The container's own counters are read then."""
    kernel.received, kernel.links_now = (99, 9999), []

    assert read(2) == [NetworkStats(976, 12, 0, 0, 410, 5, 0, 0)] * 2


def test_an_end_that_is_gone_without_a_word_is_no_end_that_stands_still(read, kernel, hybrid):
    """What the container itself counts is read then, though no change was heard of."""
    read(2)
    kernel.links_now = []
    inside(hybrid, "  eth0: 5000 50 0 0 0 0 0 0 600 6 0 0 0 0 0 0")

    assert read() == [NetworkStats(5000, 50, 0, 0, 600, 6, 0, 0)]


def test_netlink_that_fails(read, kernel):
    """So they are then, until it answers again; its sockets are made anew."""
    kernel.received, kernel.broken = (99, 9999), True
    failed = read(2)
    kernel.broken = False

    assert failed == [NetworkStats(976, 12, 0, 0, 410, 5, 0, 0)] * 2
    assert kernel.closed == 1
    assert read(2)[-1].rx_bytes == 9999


def test_one_network_of_two_containers_is_read_once(hybrid):
    """Both have the same object, and its file is closed behind the last of them."""
    reader = hybrid.reader()
    reader.begin()
    first = reader.open(hybrid.key, hybrid.pid, "bridge")
    before = descriptors()
    twin = hybrid.twin("f" * 64)
    second = reader.open(twin, hybrid.pid, f"container:{hybrid.key}")
    networks = first.read().networks

    assert second.read().networks is networks
    first.close()
    reader.begin()
    assert second.read().networks is networks
    second.close()
    assert descriptors() < before - 10


def test_the_machines_own_network_is_no_containers(hybrid):
    """It is that of its first process, which is seen without the engine's word for it, too."""
    ns = hybrid.proc / "1/ns"
    ns.mkdir(parents=True)
    (ns / "net").hardlink_to(hybrid.process / "ns/net")
    _, probe = hybrid.open("")

    assert probe.read().networks is None


# As a kernel 6.18 sent it: one interface, one link, one namespace.
STATS = (
    bytes.fromhex("e80000005c0002000100000000000000000000000400000001000000cc000100")
    + struct.pack("=25Q", 0, 18, 0, 1516, *[0] * 21)[:200]
)


def test_counters_in_the_kernels_answer():
    """By the interface's number; a message of another kind ends them."""
    assert stats_in([STATS, b"", STATS[:40]]) == {4: struct.pack("=8Q", 0, 18, 0, 1516, 0, 0, 0, 0)}


def test_links_in_the_kernels_answer():
    """Those with their other side elsewhere; attributes that are cut end the message."""
    body = struct.pack("=BBHiII", 0, 0, 1, 4, 0, 0)
    name = struct.pack("=HH8s", 9, 3, b"veth\0")
    peer, namespace = struct.pack("=HHi", 8, 5, 3), struct.pack("=HHi", 8, 37, 0)

    def message(payload):
        return struct.pack("=IHHII", 16 + len(payload), 16, 2, 1, 0) + payload

    both = message(body + name + peer + namespace) + message(body + name + peer)

    assert links_in([both]) == [Link(4, 3, 0)]
    with pytest.raises(OSError):
        links_in([both[:-20]])


def test_a_namespace_that_has_no_name_here():
    """The kernel says -1."""

    def message(number):
        return struct.pack("=IHHIIB3xHHi", 28, 88, 0, 1, 0, 0, 8, 1, number)

    assert namespace_in([message(7)]) == 7
    assert namespace_in([message(-1)]) is None
