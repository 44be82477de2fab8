"""``tidegauge doctor``: what is missing, what that costs, and how to mend it."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.engine import Connection, FakeEngine
from fakes.stats import frame
from snapshots import a_journal
from tidegauge.clock import SystemClock
from tidegauge.config import EngineOptions, ExportersOptions, Options
from tidegauge.doctor.command import doctor
from tidegauge.doctor.findings import Finding, Part, report
from tidegauge.exporters.file import FileOptions
from tidegauge.exporters.graphite import GraphiteOptions
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.history.options import HistoryOptions
from tidegauge.history.ownership import Ownership
from tidegauge.web.options import WebOptions

SILENT = WebOptions(listen="")
NO_HISTORY = HistoryOptions(enabled=False)


@pytest.fixture
async def engine(tmp_path: Path):
    """An engine that answers all there is to ask, with one container."""
    async with FakeEngine(tmp_path / "s") as fake:
        fake.add("web", lambda c: c.body(sampled(0)))
        fake.replies["/info"] = lambda c: c.json({"NCPU": 2, "MemTotal": 1})
        fake.replies["/system/df"] = lambda c: c.json({})
        yield fake


def sampled(seconds_ahead: float) -> bytes:
    """A sample by a clock that is off."""
    known = json.loads(frame(0))
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds_ahead, UTC)
    return json.dumps({**known, "read": at.isoformat()}).encode()


async def refused(connection: Connection) -> None:
    """As a socket proxy does."""
    await connection.body(b"<html>403 Forbidden</html>", status=403)


def options(engine: FakeEngine, **more) -> Options:
    known = {"web": SILENT, "history": NO_HISTORY} | more
    return Options(engines=(EngineOptions(name="a", host=engine.host),), **known)


async def told(some: Options) -> tuple[dict[str, str], bool]:
    """What is said of each thing, and whether nothing is missing."""
    journal, _ = a_journal()
    text, whole = await doctor(some, {}, SystemClock(), journal, colours=False)
    said = [line[2:] for line in text.splitlines() if line.startswith("  ")]
    found: dict[str, str] = {}
    for line in said:
        verdict, _, rest = line.partition(" ")
        what, _, says = rest.strip().partition(": ")
        found[what] = f"{verdict} {says}".strip()
    return found, whole


async def test_an_engine_that_answers_everything_is_whole(engine: FakeEngine) -> None:
    """But that its containers cannot be read directly is told."""
    found, whole = await told(options(engine))

    assert whole
    assert found["connection"] == "ok Docker 20.10.24, 1 of 1 containers would be watched."
    assert {found[what] for what in ("what happens to containers", "samples", "clock")} == {"ok"}
    assert found["source of samples"].startswith("note Samples of 1 would come by its API, because")


async def test_what_a_proxy_forbids_is_named_with_its_cost_and_its_switch(
    engine: FakeEngine,
) -> None:
    """Essential or not; all else is tried all the same."""
    for path in ("/events", "/info"):
        engine.replies[path] = refused
    found, whole = await told(options(engine))

    assert not whole
    assert found["what happens to containers"] == (
        "MISSING forbidden on the way to the engine, so new containers are found seconds later, and"
        " how and when they end is unknown. Let it through (EVENTS=1)."
    )
    assert found["facts of the engine"].startswith("note forbidden on the way to the engine, so")
    assert found["facts of the engine"].endswith("Let it through (INFO=1).")
    assert found["details of a container"] == "ok"


@pytest.mark.parametrize(("ahead", "side"), [(3600, "ahead of"), (-3600, "behind")])
async def test_a_clock_that_is_off_is_told(engine: FakeEngine, ahead: float, side: str) -> None:
    """By how much and in which direction."""
    (path,) = (each for each in engine.replies if each.endswith("/stats"))
    engine.replies[path] = lambda c: c.body(sampled(ahead))
    found, whole = await told(options(engine))

    assert not whole
    seconds = int(found["clock"].split(" s ")[0].rpartition(" ")[2])
    assert abs(seconds - 3600) <= 5
    assert (
        f" s {side} this machine's. Times are the engine's, so set both by NTP." in found["clock"]
    )


async def test_no_engine_is_one_sentence(tmp_path: Path) -> None:
    """Other engines and this machine are looked at nevertheless."""
    nobody = EngineOptions(name="a", host=f"unix://{tmp_path}/nobody")
    found, whole = await told(Options(engines=(nobody,), web=SILENT, history=NO_HISTORY))

    assert not whole
    assert found == {
        "connection": f"MISSING no engine at unix://{tmp_path}/nobody: there is no such socket."
        ' Is Docker running ("sudo systemctl start docker")?'
    }


async def test_where_metrics_go_is_tried_without_sending_any(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """Who listens, who does not, and what cannot be known."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        there = ExportersOptions(
            statsd=StatsdOptions(), graphite=GraphiteOptions(port=port), file=FileOptions(path="-")
        )
        found, whole = await told(options(engine, exporters=there))
    assert whole
    assert found["exporter graphite"] == f"ok 127.0.0.1:{port} listens."
    assert found["exporter statsd"].startswith("ok UDP to 127.0.0.1:8125, where nobody answers")

    gone = ExportersOptions(
        graphite=GraphiteOptions(port=port), file=FileOptions(path=f"{tmp_path}/no/x")
    )
    found, whole = await told(options(engine, exporters=gone))
    assert not whole
    assert found["exporter graphite"].startswith(
        f"MISSING 127.0.0.1:{port} cannot be reached: connection refused."
    )
    assert found["exporter file"].startswith(f"MISSING {tmp_path}/no is no folder")


async def test_another_agent_on_this_host_is_noticed(engine: FakeEngine, tmp_path: Path) -> None:
    """By its address and by its history; neither is an error."""
    history = tmp_path / "history.db"
    owned = Ownership(history)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listen = f"127.0.0.1:{listening.getsockname()[1]}"
        some = options(
            engine, web=WebOptions(listen=listen), history=HistoryOptions(path=str(history))
        )
        found, whole = await told(some)
    owned.give_up()

    assert whole
    assert found[f"dashboard at http://{listen}/"] == (
        "note address already in use; is another Tidegauge there?"
        " Choose another address as web.listen."
    )
    assert "belongs to another Tidegauge that runs here" in found["history"]


def test_colours_are_for_terminals_only() -> None:
    """And what others sent moves no cursor."""
    parts = [Part("Engine \x1b[2J", [Finding("x", "missing", "lost", "Mend it.")])]

    assert report(parts, colours=False) == (
        "Engine \\x1b[2J\n  MISSING  x: lost Mend it.\n1 thing is missing.\n"
    )
    assert "\x1b[31mMISSING\x1b[0m" in report(parts, colours=True)


async def test_reading_directly_where_that_is_impossible_is_missing(engine: FakeEngine) -> None:
    """When it is asked for, no samples come at all."""
    only = EngineOptions(name="a", host=engine.host, source="cgroup")
    found, whole = await told(Options(engines=(only,), web=SILENT, history=NO_HISTORY))

    assert not whole
    assert found["source of samples"].startswith("MISSING Samples of 1 would not come at all")


async def test_an_engine_that_tells_no_details_is_looked_at_all_the_same(
    engine: FakeEngine,
) -> None:
    """And so is the rest."""
    (path,) = (p for p in engine.replies if p.startswith("/containers/0") and p.endswith("/json"))
    engine.replies[path] = refused
    found, whole = await told(options(engine))

    assert not whole
    assert found["details of a container"] == (
        "MISSING forbidden on the way to the engine, so limits, health, restarts and times of start"
        " are unknown, and nothing is read directly. Let it through (CONTAINERS=1)."
    )
    assert found["samples"] == "ok"


@pytest.mark.parametrize("host", ["x..y", "a" * 70])
async def test_a_name_that_nobody_can_have_is_a_finding(engine: FakeEngine, host: str) -> None:
    """In words, and the others are tried."""
    there = ExportersOptions(graphite=GraphiteOptions(host=host))
    found, whole = await told(options(engine, exporters=there))

    assert not whole
    assert "cannot be reached: its name is not known." in found["exporter graphite"]


async def test_nothing_is_made_where_the_history_would_be(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """It would belong to who asked, and not to the service."""
    path = tmp_path / "folder/history.db"
    found, whole = await told(options(engine, history=HistoryOptions(path=str(path))))

    assert whole
    assert found["history"].startswith(f"ok {path}, ")
    assert not path.parent.exists()


async def test_a_folder_that_cannot_be_is_a_finding(engine: FakeEngine) -> None:
    """A path that the system refuses to look at, for the history and for a file."""
    odd = f"/tmp/{'x' * 300}/y"
    some = options(
        engine,
        history=HistoryOptions(path=odd),
        exporters=ExportersOptions(file=FileOptions(path=odd)),
    )
    found, _ = await told(some)

    assert found["exporter file"].startswith(f"MISSING /tmp/{'x' * 300} is no folder")
    assert found["history"].startswith("ok ")
