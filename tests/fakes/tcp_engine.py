"""The fake engine on a TCP port of loopback, with TLS if it is given a context."""

import asyncio
import ssl
from pathlib import Path
from typing import Self

from fakes.engine import FakeEngine


class TcpEngine(FakeEngine):
    """Listens on 127.0.0.1; ``port`` and ``host`` are known once it is entered."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(Path())
        self._tls = tls
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.host = f"tcp://127.0.0.1:{self.port}"
        return self
