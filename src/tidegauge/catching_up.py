"""What has come and waits is recorded before somebody looks: who looks is given a `CatchUp`."""

from collections.abc import Awaitable, Callable

CatchUp = Callable[[], Awaitable[None]]
"""Returns when all that had come by then is recorded."""


async def nothing_waits() -> None:
    """For those who see all that comes at once."""
