"""What the tables of all exporters have in common."""

from typing import Annotated

from msgspec import Meta, Struct

from tidegauge.units import Seconds


class ExporterOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of every exporter: patterns on aliases and on the catalogue's names, and how often.

    A pattern that begins with ``!`` takes away.
    """

    containers: tuple[str, ...] = ("**",)
    metrics: tuple[str, ...] = ("**",)
    flush_interval: Seconds = 10.0


class BackendOptions(ExporterOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of an exporter whose backend answers: how long it may take, and what is kept meanwhile.

    ``buffer_size`` is in bytes, of memory or of the folder ``spool``.
    """

    timeout: Seconds = 10.0
    buffer_size: Annotated[int, Meta(ge=65536)] = 16 * 1024 * 1024
    spool: str = ""
