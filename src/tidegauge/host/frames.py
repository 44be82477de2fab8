"""A machine, and what its kernel says of it at one moment."""

from msgspec import Struct


class Host(Struct, frozen=True):
    """A machine under the name its series carry, ``agent.hostname``."""

    name: str
