"""The network counters of containers, each namespace read once for all that share it."""

import math
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tidegauge.cgroups.files import Files, read_once
from tidegauge.cgroups.netlink import Link
from tidegauge.cgroups.parsing import interface_numbers, interfaces
from tidegauge.cgroups.parts import Garbled, Part
from tidegauge.docker.frames import NetworkStats
from tidegauge.errors import OutOfReach

Networks = dict[str, NetworkStats | None]

_COUNTERS = struct.Struct("=8Q")


class Asked(Protocol):
    """What is asked of the kernel over netlink; all raise `OSError`."""

    def changed(self) -> bool:
        """Did interfaces come, go or change since the last time?"""
        ...

    def counters(self) -> Mapping[int, bytes]:
        """Those of each interface by its number."""
        ...

    def links(self) -> list[Link]:
        """The interfaces with another side elsewhere."""
        ...

    def number_of(self, namespace: int) -> int | None:
        """What another namespace, an open descriptor, is called here."""
        ...

    def close(self) -> None:
        """Ask no more."""
        ...


class HostSide:
    """The host's ends of the containers' interfaces, as one dump at the begin of each sweep.

    An interface's number alone would not do: the bridge of an engine may be in a namespace of its
    own, where the same number is another interface. So the namespace at the other end is compared.
    """

    def __init__(self, ask: Callable[[], Asked]) -> None:
        self._ask = ask
        self._asked: Asked | None = None
        self._links: dict[int, dict[int, int]] | None = None
        self.now: Mapping[int, bytes] = {}
        self.moved_in: dict[int, int] = {}
        """The sweep in which each last counted anything."""
        self.age = 0
        """Grows when interfaces changed."""

    def begin(self, sweep: int, *, used: bool) -> None:
        """A sweep begins; are counters ``used`` of any interface?"""
        before, self.now = self.now, {}  # then each container's own counters are read
        try:
            if self._asked is None:
                self._asked = self._ask()
                self.age += 1
            if self._asked.changed():
                self._links, self.age = None, self.age + 1
            if used:
                self.now = self._asked.counters()
                known = self.moved_in
                self.moved_in = {
                    end: known.get(end, sweep) if before.get(end) == raw else sweep
                    for end, raw in self.now.items()
                }
        except OSError:
            self.close()

    def close(self) -> None:
        """Ask no more, until another sweep begins."""
        if self._asked is not None:
            self._asked.close()
            self._asked, self._links = None, None
            self.moved_in.clear()

    def ends_of(self, namespace: int) -> Mapping[int, int]:
        """The numbers here of the interfaces of a namespace, by their numbers there."""
        if self._links is None and self._asked is not None:
            found: dict[int, dict[int, int]] = {}
            try:
                for link in self._asked.links():
                    found.setdefault(link.namespace, {})[link.peer] = link.index
            except OSError:  # some would be missing until there is a change: ask again soon
                return {}
            self._links = found
        return (self._links or {}).get(namespace, {})

    def number_of(self, process: Path, inode: int) -> int | None:
        """What this namespace, that of a process, is called here."""
        try:
            opened = os.open(process / "ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            same = os.fstat(opened).st_ino == inode  # another process may have that number now
            return self._asked.number_of(opened) if self._asked and same else None
        except OSError:
            return None
        finally:
            os.close(opened)


class Network:
    """One network namespace.

    Bytes and packets of interfaces that have an end at the host come from there. Errors and drops
    are each end's own, so they come with every whole look, of ``/proc/PID/net/dev``; as all does
    of other interfaces, each time.
    """

    __slots__ = (
        *("_age", "_ends", "_host", "_inode", "_known", "_namespace", "_own", "_process"),
        *("_raw", "_sweep", "now"),
    )

    def __init__(
        self, process: Path, own: Part[dict[str, NetworkStats]], host: HostSide | None, inode: int
    ) -> None:
        self._process, self._own, self._host = process, own, host
        self._inode = inode
        self._ends: dict[str, int] = {}
        self._raw: list[bytes | None] = []
        self._namespace: int | None = None
        self._known: Mapping[int, int] = {}
        self._age = -1
        self._sweep = -1
        self.now: Networks | None = None
        """Its interfaces, ``None`` if it has none; the same object while nothing changed."""

    @property
    def seen_from_host(self) -> bool:
        """Are its counters those of the host's ends?"""
        return bool(self._ends)

    def stands(self) -> bool:
        """Is all as it was when it was last looked at, as far as a short look tells?

        Raises `OSError` when it is gone.
        """
        host = self._host
        if host is None or (not self._ends and self._age == host.age):
            return self._own.same()
        moved, looked = host.moved_in, self._sweep
        return (
            self._age == host.age
            and self._ends != {}
            and bool(host.now)
            and all(moved.get(end, math.inf) <= looked for end in self._ends.values())
        )

    def look(self, sweep: int, *, whole: bool) -> None:
        """Read it, once in a sweep for all that share it."""
        if sweep != self._sweep:
            self._sweep = sweep
            if whole or not self._ends or not self._look_from_host():
                self._look_inside()

    def _look_inside(self) -> None:
        if self._own.look() or self._raw:
            self._raw = []
            found = self._own.value
            if self.now != found:
                self.now = dict(found) if found else None
        if self._host is not None and (self._age != self._host.age or not self._all_known()):
            self._match(self._host)

    def _all_known(self) -> bool:
        return not self._ends or self._ends.keys() == (self.now or {}).keys()

    def _look_from_host(self) -> bool:
        """False where it must be looked inside."""
        host = self._host
        if host is None or self.now is None:
            return False
        if self._age != host.age:
            self._age = host.age
            namespace = self._namespace
            if namespace is None or host.ends_of(namespace) != self._known:
                self._ends, self._age = {}, -1
                return False
        raw = [host.now.get(end) for end in self._ends.values()]
        if raw != self._raw:
            if None in raw:
                self._ends, self._age = {}, -1
                return False
            self._raw = raw
            mixed = {
                name: self._mixed(name, one) for name, one in zip(self._ends, raw, strict=True)
            }
            if mixed != self.now:
                self.now = mixed
        return True

    def _mixed(self, name: str, raw: bytes | None) -> NetworkStats | None:
        before = (self.now or {}).get(name)
        if raw is None or before is None:
            return before
        # What the host's end received, the container sent.
        sent, received, sent_bytes, received_bytes, *_ = _COUNTERS.unpack(raw)
        return NetworkStats(
            *(received_bytes, received, before.rx_errors, before.rx_dropped),
            *(sent_bytes, sent, before.tx_errors, before.tx_dropped),
        )

    def _match(self, host: HostSide) -> None:
        """Find the ends at the host: of all interfaces, or none is used."""
        self._age, self._ends = host.age, {}
        self._namespace = host.number_of(self._process, self._inode)
        if self._namespace is None or not self.now:
            return
        try:
            numbers = interface_numbers(read_once(str(self._process / "net/igmp")))
        except (OSError, ValueError, IndexError):
            return
        self._known = host.ends_of(self._namespace)
        ends = {name: self._known.get(numbers.get(name, 0)) for name in self.now}
        known = {name: end for name, end in ends.items() if end is not None}
        if len(known) == len(ends):
            self._ends = known


class _Shared(Struct):
    network: Network
    files: Files
    users: set[str]


class Namespaces:
    """The network of each container that has one of its own, or shares another container's."""

    def __init__(self, proc: Path, host: HostSide, garbled: Garbled) -> None:
        self._proc, self._host, self._garbled = proc, host, garbled
        self._shared: dict[int, _Shared] = {}
        self._joined: dict[str, int] = {}

    def join(self, key: str, process: Path, mode: str, *, keep: bool) -> Network | None:
        """The network of a container, by its mode; ``None`` where it is the host's.

        Who can't see which namespace it is (that takes root) reads it for each container.
        """
        number = _number(process)
        if mode == "host" or (number and number == _number(self._proc / "1")):
            return None
        shared = self._shared.get(number) if number and keep else None
        if shared is None:
            files = Files(process, keep=keep)
            try:
                own = Part(files, process / "net/dev", interfaces, self._garbled)
            except OutOfReach:  # they are not shared yet, so nobody else closes them
                files.close()
                raise
            network = Network(process, own, self._host if number else None, number)
            shared = _Shared(network, files, set())
            if not number or not keep:
                number = -id(shared)
            self._shared[number] = shared
        self._joined[key] = number
        shared.users.add(key)
        return shared.network

    @property
    def seen_from_host(self) -> bool:
        """Are any counters those of the host's ends?"""
        return any(shared.network.seen_from_host for shared in self._shared.values())

    def leave(self, key: str) -> None:
        """Close what nobody uses any more: an open file would keep the namespace alive."""
        number = self._joined.pop(key, None)
        if number is not None:
            shared = self._shared[number]
            shared.users.discard(key)
            if not shared.users:
                shared.files.close()
                del self._shared[number]


def _number(process: Path) -> int:
    """Of its network namespace; 0 if that is not to be seen."""
    try:
        return (process / "ns/net").stat().st_ino
    except OSError:
        return 0
