"""What is in the kernel's files: pure functions of their bytes.

All of them raise `ValueError` for bytes that are not what they should be, such as a file that was
cut. A number that is not there is ``None``, and never 0. Source: the kernel's
``admin-guide/cgroup-v1``, ``cgroup-v2.rst`` and ``accounting/psi.rst``; proc(5).
"""

from collections.abc import Sequence

from tidegauge.docker.frames import UNLIMITED, BlkioEntry, BlkioStats, NetworkStats, Stall

FALLBACK_TUNNELS = frozenset(
    {
        *(b"tunl0", b"sit0", b"ip6tnl0", b"gre0", b"gretap0", b"erspan0"),
        *(b"ip_vti0", b"ip6_vti0", b"ip6gre0"),
    }
)
"""Interfaces that the kernel puts into every network by itself."""

NOTHING_COUNTED = b"Total 0\n"
"""All that v1 has of block IO where it counts none: unknown, not 0."""

_NO_LIMIT = b"max\n"
_NUMBERS = 17


class Columns:
    """Numbers of a file of lines ``name number``, by name, at positions that are learnt once.

    The order of such a file is that of its kernel: a dictionary of all names for each sample would
    cost four times as much.
    """

    def __init__(self, *names: str) -> None:
        self._names = [name.encode() for name in names]
        self._seen: list[bytes] | None = None
        self._at: list[int | None] = []

    def __call__(self, data: bytes) -> list[int | None]:
        """The numbers, in the order of the names."""
        if data[-1:] != b"\n" or b"-" in data:
            raise ValueError("cut, or a number below 0")
        words = data.split()
        if words[::2] != self._seen:
            self._learn(words)
        return [None if at is None else int(words[at]) for at in self._at]

    def _learn(self, words: list[bytes]) -> None:
        if len(words) % 2:
            raise ValueError("cut")
        names = words[::2]
        self._at = [2 * names.index(one) + 1 if one in names else None for one in self._names]
        self._seen = names


def number(data: bytes) -> int:
    """The only number of a file."""
    found = int(data) if data[-1:] == b"\n" else -1
    if found < 0:
        raise ValueError("no number")
    return found


def limit(data: bytes) -> int:
    """The only number of a file that may say that there is none."""
    return UNLIMITED if data == _NO_LIMIT else number(data)


def stall(data: bytes) -> Stall:
    """The totals of a ``*.pressure``; the averages are of the kernel's own periods."""
    words = data.split()
    if data[-1:] != b"\n" or words[0:1] != [b"some"]:
        raise ValueError("no pressure")
    full = _total(words, 9) if words[5:6] == [b"full"] else None
    return Stall(_total(words, 4), full)


def devices(data: bytes) -> list[BlkioEntry] | None:
    """A ``blkio.throttle.*_recursive`` of v1; ``None`` where nothing is counted."""
    if data == NOTHING_COUNTED:
        return None
    found: list[BlkioEntry] = []
    for line in _lines(data):
        words = line.split()
        if len(words) == 3 and words[1] in {b"Read", b"Write"}:
            found.append(_entry(words[0], words[1].decode(), words[2]))
    return found


def io_stat(data: bytes) -> BlkioStats:
    """``io.stat`` of v2: a line for each device, which may have no numbers; an empty file is 0."""
    sizes: list[BlkioEntry] = []
    done: list[BlkioEntry] = []
    if b"=" in data[data.rfind(b"\n") + 1 :]:
        raise ValueError("cut")
    for line in data.splitlines():
        words = line.split()
        # Linux 5.15 leaves out the end of a line without numbers: what follows is the next device.
        device = next((word for word in reversed(words) if b"=" not in word), b"")
        known = dict(word.split(b"=", 1) for word in words if b"=" in word)
        for name, op, counts_bytes in _OF_IO_STAT:
            if name in known:
                (sizes if counts_bytes else done).append(_entry(device, op, known[name]))
    return BlkioStats(sizes, done)


def interfaces(data: bytes) -> dict[str, NetworkStats]:
    """``/proc/PID/net/dev`` without the loopback and what the kernel put there by itself."""
    found: dict[str, NetworkStats] = {}
    for line in _lines(data)[2:]:
        name, colon, rest = line.partition(b":")
        name, words = name.strip(), rest.split()
        if not colon or len(words) != _NUMBERS - 1:
            raise ValueError("cut")
        if name == b"lo" or name in FALLBACK_TUNNELS:
            continue
        n = [int(word) for word in words]
        if min(n) < 0:
            raise ValueError("negative")
        text = name.decode("utf-8", errors="replace")
        found[text] = NetworkStats(n[0], n[1], n[2], n[3], n[8], n[9], n[10], n[11])
    return found


def interface_numbers(data: bytes) -> dict[str, int]:
    """The number of each interface with an IPv4 address, by name, in ``/proc/PID/net/igmp``."""
    found: dict[str, int] = {}
    for line in _lines(data)[1:]:
        if line[:1].isdigit():
            index, name = line.split()[:2]
            found[name.rstrip(b":").decode("utf-8", errors="replace")] = int(index)
    return found


def capacity(stat: bytes, tick_ns: int) -> tuple[int, int]:
    """Nanoseconds that all CPUs offered so far, idle ones too, and how many CPUs there are.

    In ``/proc/stat``, and as the engine adds them up: without the guests' time, which is within.
    """
    words = stat[: stat.index(b"\n")].split()
    if words[0] != b"cpu" or len(words) < 8:
        raise ValueError("no CPU time")
    return sum(map(int, words[1:8])) * tick_ns, stat.count(b"\ncpu")


_OF_IO_STAT = (
    (b"rbytes", "read", True),
    (b"wbytes", "write", True),
    (b"rios", "read", False),
    (b"wios", "write", False),
)


def _entry(device: bytes, op: str, value: bytes) -> BlkioEntry:
    major, _, minor = device.partition(b":")
    numbers = int(major), int(minor), int(value)
    if min(numbers) < 0:
        raise ValueError("negative")
    return BlkioEntry(numbers[0], numbers[1], op, numbers[2])


def _total(words: Sequence[bytes], at: int) -> int:
    name, _, total = words[at].partition(b"=") if len(words) > at else (b"", b"", b"")
    found = int(total) if name == b"total" else -1
    if found < 0:
        raise ValueError("no total")
    return found


def _lines(data: bytes) -> list[bytes]:
    if data and data[-1:] != b"\n":
        raise ValueError("cut")
    return data.splitlines()
