"""The machine Tidegauge runs on: what its own kernel says of it."""

from tidegauge.host.frames import Host

__all__ = ["Host"]
