"""The machine Tidegauge runs on: what its own kernel says of it."""

from tidegauge.host.frames import Host, HostMemory, HostSample
from tidegauge.host.looking import looks
from tidegauge.host.proc import Proc

__all__ = ["Host", "HostMemory", "HostSample", "Proc", "looks"]
