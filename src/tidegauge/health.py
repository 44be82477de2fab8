"""``tidegauge health``: is the Tidegauge of this machine alive? For who restarts it if not.

It is asked each minute or so, for ever. So it reads no configuration and imports next to nothing:
a start with everything takes half a second of CPU, which is more than to watch many containers.
"""

import socket
from collections.abc import Mapping

from tidegauge.web.options import Address, WebOptions

LISTEN = "TIDEGAUGE_WEB_LISTEN"

SECONDS = 5.0
"""How long the answer may take."""


def trouble(listen: str | None, environ: Mapping[str, str]) -> str:
    """What is wrong with who listens there, in a sentence; empty when it is alive.

    ``None`` is where the environment says that Tidegauge listens, or by default.
    """
    named = "the address" if listen is not None else LISTEN
    listen = listen if listen is not None else environ.get(LISTEN, WebOptions().listen)
    try:
        address = Address.parse(listen)
    except ValueError as error:
        return f"{named} {error}."
    return _of_answer(address.from_here)


def _of_answer(address: Address) -> str:
    try:
        with socket.create_connection((address.host, address.port), SECONDS) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            with connection.makefile("rb") as answer:
                status = answer.readline(1000).split(b" ")
    except TimeoutError:
        return f"no answer of {address} in {SECONDS:g} s."
    except OSError as error:
        return f"no answer of {address}: {(error.strerror or str(error)).lower()}."
    alive = status[0].startswith(b"HTTP/1.") and status[1:2] == [b"200"]
    return "" if alive else f"what listens at {address} is no Tidegauge that is alive."
