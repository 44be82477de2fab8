"""What every exporter gets for nothing: a deadline, a count of failures, one sentence in the log.

An exporter only encodes and sends. It never buffers, retries or times itself.
"""

from typing import Protocol

from tidegauge.metrics import Snapshot


class Exporter(Protocol):
    """One way out for snapshots."""

    @property
    def name(self) -> str:
        """As in the configuration, ``exporters.<name>``."""
        ...

    async def send(self, snapshot: Snapshot) -> None:
        """Encode and send one snapshot; raises `ExportError` when the backend does not take it."""
        ...

    async def close(self) -> None:
        """Release sockets; called once, after the last `send`."""
        ...
