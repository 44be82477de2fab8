"""What can be set about the web server."""

import re
from ipaddress import ip_address
from typing import Self

from msgspec import Struct

CADVISOR_LABELS = (
    "com.docker.compose.project",
    "com.docker.compose.service",
    "com.docker.stack.namespace",
    "com.docker.swarm.node.id",
    "com.docker.swarm.service.name",
    "com.docker.swarm.task.name",
    "org.label-schema.group",
)
"""Those that dashboards made for cAdvisor select by."""

_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (asked, not listened on)

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:\[\]/]*)):(\d{1,5})")


class MetricsPageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[web.metrics]``: what both pages have, by patterns on aliases and the catalogue's names.

    A pattern that begins with ``!`` takes away. ``cadvisor_labels`` are labels of containers that
    ``/metrics/cadvisor`` has beside the usual.
    """

    containers: tuple[str, ...] = ("**",)
    metrics: tuple[str, ...] = ("**",)
    cadvisor_labels: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All that it has."""
        return tuple(dict.fromkeys((*CADVISOR_LABELS, *self.cadvisor_labels)))


class WebOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[web]``: where to listen (empty: nowhere), and what others must know to be answered."""

    listen: str = "127.0.0.1:8470"
    token: str = ""
    metrics: MetricsPageOptions = MetricsPageOptions()


class Address(Struct, frozen=True):
    """A host, empty for all addresses of the machine, and a TCP port, 0 for any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``host:port``, with an IPv6 host in brackets.

        Raises `ValueError` with a clause fit for users, to follow the name of what was set.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[3]) > 65535:
            raise ValueError(
                f'must be an address such as "127.0.0.1:8470" or "[::1]:8470", not "{text}"'
            )
        return cls(found[1] or found[2], int(found[3]))

    @property
    def is_loopback(self) -> bool:
        """Is it one that only this machine reaches?"""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def from_here(self) -> "Address":
        """Where this machine reaches it, one of its addresses where it is all of them."""
        return Address(_EVERYWHERE.get(self.host, self.host), self.port)

    def __str__(self) -> str:
        host = self.host or "0.0.0.0"  # noqa: S104 (said, not listened on)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
