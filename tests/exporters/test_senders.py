"""Datagrams over real sockets on the loopback interface."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tidegauge.errors import ExportError
from tidegauge.exporters.senders import BURST, PAUSE, RESOLVE_AFTER, UdpSender, address


class HeldClock:
    """A clock that moves by its sleeps only, and keeps them."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        await self.sleep(seconds)
        return event.is_set()


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, port: int = 0) -> Iterator[socket.socket]:
    """A receiver on a loopback port."""
    with socket.socket(family, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        receiver.settimeout(5)
        yield receiver


@contextlib.contextmanager
def sending(host: str, port: int, clock: HeldClock | None = None) -> Iterator[UdpSender]:
    """A sender that is closed in the end."""
    sender = UdpSender(host, port, clock or HeldClock())
    try:
        yield sender
    finally:
        sender.close()


def port_of(receiver: socket.socket) -> int:
    """Where a receiver listens."""
    return receiver.getsockname()[1]


def closed_port() -> int:
    """A port nobody listens on."""
    with listening() as receiver:
        return port_of(receiver)


@pytest.mark.parametrize(
    ("family", "host"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "localhost"), (socket.AF_INET6, "::1")],
    ids=["IPv4", "name", "IPv6"],
)
async def test_arrives_as_sent(family: int, host: str) -> None:
    """One datagram is one datagram, in order, from one socket."""
    with listening(family) as receiver, sending(host, port_of(receiver)) as sender:
        await sender.send([b"one", b"two\nlines"])
        await sender.send([b"three"])
        found = [receiver.recvfrom(2000) for _ in range(3)]
    assert [data for data, _ in found] == [b"one", b"two\nlines", b"three"]
    assert len({address for _, address in found}) == 1


async def test_a_burst_is_paced() -> None:
    """After each burst the receiver gets a moment; nothing is lost in it."""
    clock = HeldClock()
    datagrams = [b"%04d" % n + b"x" * 1020 for n in range(BURST + 1)]
    with listening() as receiver, sending("127.0.0.1", port_of(receiver), clock) as sender:
        await sender.send(datagrams)
        assert [receiver.recv(2000) for _ in datagrams] == datagrams
    assert clock.slept == [PAUSE]


async def test_the_largest_datagram_goes_through() -> None:
    """The greatest max_packet_size is what UDP over IPv4 can carry."""
    with listening() as receiver, sending("127.0.0.1", port_of(receiver)) as sender:
        await sender.send([b"x" * 65507])
        assert len(receiver.recv(70000)) == 65507


async def test_nothing_to_send_opens_and_sends_nothing() -> None:
    """An empty flush is fine."""
    with listening() as receiver, sending("127.0.0.1", port_of(receiver)) as sender:
        await sender.send([])
        await sender.send([b"x"])
        assert receiver.recv(100) == b"x"


async def test_a_closed_port_is_told_with_its_address() -> None:
    """Nobody listening is an error of the flush that hears of it."""
    port = closed_port()
    with sending("127.0.0.1", port) as sender:
        for _ in range(2):
            with pytest.raises(ExportError, match=f"Nothing listens on UDP port 127.0.0.1:{port}"):
                await sender.send([b"x"])


def test_addresses_are_written_as_people_do() -> None:
    """The colons of IPv6 do not run into the port."""
    assert address("statsd.example", 8125) == "statsd.example:8125"
    assert address("::1", 8125) == "[::1]:8125"


async def test_a_server_that_comes_back_loses_nothing_more() -> None:
    """The next flush after a refusal arrives at the server that is there again."""
    port = closed_port()
    with sending("127.0.0.1", port) as sender:
        with pytest.raises(ExportError):
            await sender.send([b"lost"])
        with listening(port=port) as receiver:
            await sender.send([b"found"])
            assert receiver.recv(100) == b"found"


async def test_a_late_refusal_is_raised_after_sending() -> None:
    """An answer to the flush before does not cost this one its datagrams."""
    port = closed_port()
    with sending("127.0.0.1", port) as sender:
        with listening(port=port):
            await sender.send([b"first"])
        connected = sender._socket
        assert connected is not None
        connected.send(b"refused")  # as if the answer to "first" had come after send() returned
        with listening(port=port) as receiver:
            with pytest.raises(ExportError, match="Nothing listens"):
                await sender.send([b"second"])
            assert receiver.recv(100) == b"second"
            await sender.send([b"third"])
            assert receiver.recv(100) == b"third"


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
async def test_a_host_that_is_no_name_is_told(host: str) -> None:
    """A typing error in the host reads as such."""
    with sending(host, 8125) as sender, pytest.raises(ExportError, match="cannot be resolved"):
        await sender.send([b"x"])


async def test_other_errors_say_what_the_system_said() -> None:
    """A datagram beyond all limits, for one."""
    with listening() as receiver, sending("127.0.0.1", port_of(receiver)) as sender:
        with pytest.raises(ExportError, match=r"^Nothing can be sent .*: Message too long\.$"):
            await sender.send([b"x" * 65508])
        await sender.send([b"fine"])
        assert receiver.recv(100) == b"fine"


class Names:
    """A resolver of which the test says the answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: object) -> None:
        self.answers, self.asked = list(answers), 0
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.answer)

    async def answer(self, host: str, port: int, **_: object) -> list[object]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, OSError):
            raise answer
        return list(answer)


def found(*receivers: socket.socket) -> list[object]:
    """What a resolver answers for these receivers."""
    return [(one.family, socket.SOCK_DGRAM, 17, "", one.getsockname()) for one in receivers]


async def test_names_are_resolved_anew_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a backend moves, its metrics follow within minutes, and names are asked for seldom."""
    clock = HeldClock()
    with listening() as old, listening() as new, sending("x", 1, clock) as sender:
        names = Names(monkeypatch, found(old), found(new))
        for expected, receiver in ((1, old), (1, old), (2, new), (2, new)):
            await sender.send([b"x"])
            assert receiver.recv(100) == b"x"
            assert names.asked == expected
            clock.at += RESOLVE_AFTER / 2


async def test_while_names_fail_the_old_address_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage of the name service stops no metrics, and is not asked at every flush."""
    clock = HeldClock()
    with listening() as receiver, sending("x", 1, clock) as sender:
        names = Names(monkeypatch, found(receiver), socket.gaierror(-3, "try again"))
        await sender.send([b"1"])
        clock.at += RESOLVE_AFTER
        await sender.send([b"2"])
        await sender.send([b"3"])
        assert [receiver.recv(100) for _ in range(3)] == [b"1", b"2", b"3"]
        assert names.asked == 2


async def test_a_name_that_resolves_to_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver said is passed on."""
    with sending("statd", 8125) as sender:
        Names(monkeypatch, socket.gaierror(-2, "Name or service not known"))
        with pytest.raises(ExportError) as told:
            await sender.send([b"x"])
    assert str(told.value) == (
        "The host name of UDP port statd:8125 cannot be resolved: Name or service not known."
    )


async def test_ipv4_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """StatsD listens there by default, whatever localhost names first."""
    six = (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 9, 0, 0))
    with listening() as four, sending("x", 1) as sender:
        Names(monkeypatch, [six, *found(four)])
        await sender.send([b"x"])
        assert four.recv(100) == b"x"


async def test_after_a_refusal_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with two addresses finds the one that listens, and stays there."""
    with listening() as gone:
        nobody = found(gone)
    with listening() as receiver, sending("x", 1) as sender:
        Names(monkeypatch, [*nobody, *found(receiver)])
        with pytest.raises(ExportError):
            await sender.send([b"lost"])
        for datagram in (b"a", b"b"):
            await sender.send([datagram])
            assert receiver.recv(100) == datagram


async def test_an_address_that_cannot_be_used_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a route to the first address the next one serves; without any, the first is told."""
    unusable = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("255.255.255.255", 9))
    with listening() as receiver, sending("x", 1) as sender:
        Names(monkeypatch, [unusable, *found(receiver)])
        await sender.send([b"x"])
        assert receiver.recv(100) == b"x"
    with sending("x", 1) as sender:
        Names(monkeypatch, [unusable])
        with pytest.raises(ExportError, match="Nothing can be sent to UDP port x:1: "):
            await sender.send([b"x"])
