"""How a StatsD 0.9 server reads datagrams: ``handlePacket`` in its stats.js, line for line."""

import re
from collections import Counter
from collections.abc import Iterable


class StatsdServer:
    """What such a server holds after some datagrams.

    ``counted`` is how often each level of each timer was told, by the sample rate; ``timers`` holds
    the levels it reckons with, each once for each measurement, whatever the rate.
    """

    def __init__(self, datagrams: Iterable[bytes]) -> None:
        self.counted: dict[str, Counter[int]] = {}
        self.timers: dict[str, list[int]] = {}
        self.bad_lines: list[str] = []
        for datagram in datagrams:
            for line in datagram.decode().split("\n"):
                if line:
                    self._take(line)

    def _take(self, line: str) -> None:
        key, *measurements = line.split("|#", maxsplit=1)[0].split(":")
        for measurement in measurements or ["1"]:
            fields = measurement.split("|")
            if not _valid(fields):
                self.bad_lines.append(line)
                continue
            found = re.match(r"@([\d.]+)", fields[2]) if len(fields) > 2 else None
            rate = float(found[1]) if found else 1.0
            level = int(fields[0])
            self.timers.setdefault(key, []).append(level)
            times = self.counted.setdefault(key, Counter())
            times[level] += round(1 / rate)


def _valid(fields: list[str]) -> bool:
    return (
        len(fields) in {2, 3}
        and fields[1] == "ms"
        and re.fullmatch(r"\d+", fields[0]) is not None
        and (len(fields) == 2 or re.fullmatch(r"@\d+\.\d+", fields[2]) is not None)
    )


def sanitized(key: str) -> str:
    """What a server with ``keyNameSanitize`` (its default) makes of a key."""
    key = re.sub(r"\s+", "_", key).replace("/", "-")
    return re.sub(r"[^a-zA-Z_\-0-9\.;=]", "", key)
