"""What the API shows of a container between the start of a run and its first sample."""

from datetime import UTC, datetime

from served import ENGINE, Served, asked

from tidegauge.docker.frames import Container
from tidegauge.docker.lives import Condition
from tidegauge.docker.resources import Resources


async def test_a_container_that_starts_again_does_not_use_what_it_did_before() -> None:
    """Until the first sample of the new run."""
    served = Served()
    await served.see_recording()
    started = datetime(2026, 11, 22, 22, 0, 5, tzinfo=UTC)
    again = Container(ENGINE, "decade", "web", "web", started_at=started)
    await served.see(Condition(again, "running", before="c0ffee", resources=Resources(memory=9)))
    seen = (await asked(served, "/api/v1/containers"))[1]["containers"][0]

    assert seen["absent"]["cpu"] == "No sample of it has come yet."
    assert seen["values"] == {"memory_limit": 9}
