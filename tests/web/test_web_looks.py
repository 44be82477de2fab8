"""What is looked at through the API is told to who follows it, and nothing else is."""

import pytest
from served import Served, serving


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ("/api/v1/containers/e/web", ["web"]),
        (
            "/api/v1/series?entity=container:e/web&entity=host:box&metric=container.cpu.time",
            ["web"],
        ),
        ("/api/v1/live", ["web", "db"]),
        ("/api/v1/live?container=e/db&container=other/web", ["db"]),
        ("/api/v1/containers", []),
        ("/api/v1/containers/other/web", []),
        ("/api/v1/containers/e/none", []),
        ("/api/v1/status", []),
        ("/metrics", []),
    ],
)
async def test_a_look_is_told(path: str, looked_at: list[str]) -> None:
    """At a container's page, at its series, and at all while their list is watched live."""
    served = Served()
    for number, alias in enumerate(("web", "db")):
        await served.see_recording(id=f"{number:064x}", name=alias, alias=alias)
    async with serving(served) as client, client.get(path) as reply:
        await reply.content.readany()

    interest = served.watcher.interest
    assert [alias for alias in ("web", "db") if interest.holds(alias)] == looked_at
