"""Reads the containers of this machine: the stats API's frames, for a hundredth of its work.

All containers are read in sweeps, one after the other. `Reader.begin` reads what they share, and
each `Probe.look` one container. What did not change since the last sample is the same object in the
next frame.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import is_not
from os import pread
from pathlib import Path

from tidegauge.cgroups import places
from tidegauge.cgroups.files import SHORT, TOO_MANY, Files, descriptors_left
from tidegauge.cgroups.machine import Machine
from tidegauge.cgroups.parts import LINE, Begin, Garbled, Meter
from tidegauge.cgroups.places import UNIFIED, Mount, Place
from tidegauge.cgroups.traffic import Asked, HostSide, Namespaces, Network
from tidegauge.cgroups.version1 import Columns1, Version1
from tidegauge.cgroups.version2 import Columns2, Version2
from tidegauge.clock import Clock
from tidegauge.docker.descriptors import allow_all
from tidegauge.docker.frames import CpuStats, StatsFrame
from tidegauge.errors import OutOfReach

WHOLE_SECONDS = 10.0
"""So often those files are read, too, that should not have changed."""

SLEEPING_SECONDS = 20.0
"""The same of a container that sleeps: of one that cannot have changed, less is to be seen."""

CALM_SECONDS = 5.0
"""The kernel brings pressure up to date every two seconds, as long as anybody waits."""

_NETWORKS, _CPUS = 6, 7
"""Where in `Probe._found`."""

DESCRIPTORS = 24
"""One container has no more files open than this."""

SURROUNDINGS_SECONDS = 1.0

_VERSION_1 = ("cpuacct", "memory")


class Probe:
    """One run of a container; to be closed when it is over, for its open files keep things alive.

    Its first sample reads all, and the next one that does so is ``phase`` seconds behind it: so
    those of containers that were found together come in different sweeps.
    """

    __slots__ = (
        "_due",
        "_key",
        "_meter",
        "_nap",
        "_network",
        "_next",
        "_reader",
        "_still_since",
        "_told",
        "at",
        "files",
    )

    def __init__(
        self,
        reader: "Reader",
        key: str,
        files: Files,
        *,
        meter: Meter,
        network: Network | None,
        phase: float,
    ) -> None:
        self._reader, self._key, self.files = reader, key, files
        self._meter, self._network = meter, network
        self._due, self._next = 0.0, phase
        self._told: tuple[object, ...] = ()
        self._still_since = math.inf
        """When it was first seen to have moved no more."""
        self._nap: Sequence[Begin] = ()
        """What a look at its meter may be, as long as nothing moves."""
        self.at = 0.0
        """When it was last looked at, in Unix seconds."""

    def look(self) -> bool | None:
        """Read it; did anything move since the last frame? ``None`` when this run is over.

        No later look denies that. Raises `OutOfReach` where it cannot be read just now.
        """
        self.at = now = self._reader.clock.now()
        try:
            whole = not now < self._due <= now + SLEEPING_SECONDS  # the clock may have been set
            if not whole and self._stands():
                return False
            self.files.check()
            self._look(whole=whole)
        except OSError as error:
            if error.errno in SHORT:
                self._told, self._due = (), 0.0  # what was found half-way was told to nobody
                raise OutOfReach(TOO_MANY) from None
            return None
        if not self._told or any(map(is_not, self._told, self._found())):
            self._still_since = math.inf
            return True
        self._still_since = min(self._still_since, now)
        return False

    def _stands(self) -> bool:
        """Nearly all looks end here: with fewer short reads of a container that is asleep.

        What they need of that one is in one place. To look at more objects takes longer than to
        compare them: others have pushed them out of the processor's cache since the last look.
        """
        told, network = self._told, self._network
        return (
            told != ()
            and (self._naps() if self._nap else self._meter_stands())
            and (network is None or (network.stands() and told[_NETWORKS] is network.now))
            and told[_CPUS] is self._reader.machine.cpus
        )

    def _naps(self) -> bool:
        for opened, begin in self._nap:  # noqa: SIM110 (a generator costs a microsecond more)
            if pread(opened, LINE, 0) != begin:
                return False
        return True

    def _meter_stands(self) -> bool:
        calm = self.at - self._still_since > CALM_SECONDS
        if not self._meter.stands(calm=calm):
            return False
        self._still_since = min(self._still_since, self.at)
        if calm:
            self._nap = self._meter.nap()
        return True

    def _look(self, *, whole: bool) -> None:
        usual = SLEEPING_SECONDS if whole and self._nap else WHOLE_SECONDS
        if whole:
            self._due, self._next = self.at + (self._next or usual), 0.0
        self._due, self._nap = min(self._due, self.at + usual), ()
        self._meter.look(whole=whole)
        if self._network:
            self._network.look(self._reader.sweep, whole=whole)

    def _found(self) -> tuple[object, ...]:
        """All that a frame is made of but times; what did not change is the same object."""
        meter, network = self._meter, self._network
        return (
            *(meter.usage, meter.throttling, meter.memory, meter.block_io, meter.pids),
            *(meter.pressure, network and network.now, self._reader.machine.cpus),
        )

    def read(self) -> StatsFrame | None:
        """Look, and tell what was found whether anything moved or not; ``None`` when it is over."""
        return None if self.look() is None else self.frame()

    def frame(self) -> StatsFrame:
        """What the last look found."""
        meter, machine, network = self._meter, self._reader.machine, self._network
        self._told = self._found()
        return StatsFrame(
            datetime.fromtimestamp(self.at, UTC),
            CpuStats(meter.usage, machine.cpu, machine.cpus, meter.throttling),
            meter.memory,
            network.now if network else None,
            meter.block_io,
            meter.pids,
            meter.pressure,
            "cgroup",
        )

    def close(self) -> None:
        """Read no more."""
        self._reader.forget(self._key)
        self.files.close()


class Reader:
    """Finds and reads the containers of one engine.

    ``proc`` is where the kernel shows processes. ``listener`` tells the process that listens on the
    engine's socket, if it is on this machine: an engine in a pid namespace of its own numbers its
    processes anew, and that one's ``/proc`` has them by those numbers. ``netlink`` asks about this
    network namespace, ``garbled`` is told the path of a file that is not as it should be. Nothing
    is opened before the first container is.
    """

    def __init__(
        self,
        proc: Path,
        clock: Clock,
        listener: Callable[[], int | None],
        netlink: Callable[[], Asked],
        garbled: Garbled,
    ) -> None:
        self._proc, self._listener = proc, listener
        self.clock, self.garbled = clock, garbled
        self.machine = Machine(proc)
        self._host = HostSide(netlink)
        self._namespaces = Namespaces(proc, self._host, garbled)
        self._columns1, self._columns2 = Columns1(), Columns2()
        self._surroundings: tuple[float, list[Mount], int | None] | None = None
        self._opened = 0
        self.sweep = 0

    @property
    def capacity(self) -> int | None:
        """CPU time that the machine could have given by now, in nanoseconds."""
        return self.machine.cpu

    def begin(self) -> None:
        """A sweep begins."""
        self.sweep += 1
        self.machine.look()
        self._host.begin(self.sweep, used=self._namespaces.seen_from_host)

    def open(self, key: str, pid: int, mode: str) -> Probe:
        """The container with this id, by its first process and its network mode, as inspected.

        Raises `OutOfReach`.
        """
        if pid <= 0:
            raise OutOfReach("the engine tells no process of it")
        if not self._opened:
            allow_all()
            self.machine.look()
        known, listener = self._seen_around()
        place = self._find(key, pid, known, listener)
        keep = descriptors_left(DESCRIPTORS)
        files = Files(place.process, keep=keep)
        try:
            meter = self._meter(files, place.folders)
            network = self._namespaces.join(key, place.process, mode, keep=keep)
            # Looked up anew: the number may have gone over to another process meanwhile.
            places.locate(key, place.process, known)
        except OutOfReach:
            self.forget(key)
            files.close()
            raise
        self._opened += 1
        phase = 1 + self._opened % WHOLE_SECONDS
        return Probe(self, key, files, meter=meter, network=network, phase=phase)

    def close(self) -> None:
        """Read no more containers."""
        self._host.close()

    def forget(self, key: str) -> None:
        """A container's network is needed no more."""
        self._namespaces.leave(key)

    def _find(self, key: str, pid: int, known: list[Mount], listener: int | None) -> Place:
        try:
            return places.locate(key, self._proc / str(pid), known)
        except OutOfReach as error:
            if listener is None:
                raise
            own_proc = self._proc / str(listener) / "root/proc"
            try:
                return places.locate(key, own_proc / str(pid), known)
            except OutOfReach:
                raise error from None

    def _meter(self, files: Files, folders: Mapping[str, Path]) -> Meter:
        memory = self.machine.memory
        meter: Meter | None = None
        if any(each in folders for each in _VERSION_1):
            meter = Version1(files, folders, self._columns1, self.garbled, memory)
        elif UNIFIED in folders:
            meter = Version2(files, folders[UNIFIED], self._columns2, self.garbled, memory)
        try:
            if meter is not None:
                meter.look(whole=True)
        except OSError:
            raise OutOfReach("it has just ended") from None
        if meter is None or (
            meter.memory is None and not (meter.usage and meter.usage.total_usage)
        ):
            raise OutOfReach("its cgroup files cannot be read; run Tidegauge as root")
        return meter

    def _seen_around(self) -> tuple[list[Mount], int | None]:
        """The mounts, of which an engine's machine has thousands, and who listens on its socket.

        Both stand for a second: containers are found by the hundred.
        """
        now, known = self.clock.monotonic(), self._surroundings
        if known is None or now - known[0] >= SURROUNDINGS_SECONDS:
            try:
                text = (self._proc / "self/mountinfo").read_text("utf-8", "surrogateescape")
            except OSError:
                raise OutOfReach(f"{self._proc}/self/mountinfo cannot be read") from None
            known = self._surroundings = now, places.mounts(text), self._listener()
        return known[1], known[2]
