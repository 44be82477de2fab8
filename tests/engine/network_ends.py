"""Reads containers in the network of their engine: `KEY PID...` to frames, as JSON lines.

Of each container two: one all from inside, and one with what the host's end of it tells.
"""

import sys

import msgspec
import structlog

from tidegauge.clock import SystemClock
from tidegauge.here import reader_of
from tidegauge.journal import Journal

socket, key, pid = sys.argv[1:]
reader = reader_of("local", socket, SystemClock(), Journal(structlog.get_logger()))
reader.begin()
probe = reader.open(key, int(pid), "bridge")
for _ in range(3):
    reader.begin()
    print(msgspec.json.encode(probe.read()).decode())
print(msgspec.json.encode(reader._namespaces.seen_from_host).decode())
