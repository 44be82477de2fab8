"""What is sent, halved, tried again, given up and said, for one exporter."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from backends import Answer, Scripted, Sending, away, broken, busy, fine, refusing, taking

from manual_clock import ManualClock, settle
from snapshots import a_journal, a_series, a_snapshot
from tidegauge.clock import SystemClock
from tidegauge.docker.frames import Engine
from tidegauge.exporters import Agent, Delivery, delivery_of
from tidegauge.exporters.backlog import Amount
from tidegauge.exporters.delivery import AT_ONCE, KeptDelivery
from tidegauge.exporters.options import BackendOptions, Chosen, ExporterOptions
from tidegauge.exporters.statsd import StatsdOptions
from tidegauge.host import Host
from tidegauge.metrics import Series, Snapshot
from tidegauge.metrics.catalogue import CPU_USAGE, MEMORY_USAGE, PIDS
from tidegauge.playback import PlaybackClock
from tidegauge.replay import _Unhurried


def chosen(containers: list[str], metrics: list[str]) -> list[tuple[str, str]]:
    """What is left of three entities' series."""
    web, db = a_series(CPU_USAGE, 1, alias="web"), a_series(MEMORY_USAGE, 1, alias="db")
    host = Series(Host("h1"), PIDS, (), 1, (1,))
    engine = Series(Engine("local"), PIDS, (), 1, ())
    snapshot = Snapshot(10.0, (web, db, host), {"a": 1}, True, (engine,))
    left = Chosen(tuple(containers), tuple(metrics))(snapshot)
    assert (left.at, left.journal, left.final) == (10.0, {"a": 1}, True)
    names = {id(web): "web", id(db): "db", id(host): "h1", id(engine): "local"}
    return [(names[id(each)], each.metric.name) for each in left.present]


@pytest.mark.parametrize(
    ("containers", "metrics", "left"),
    [
        (["**"], ["**"], ["web", "db", "h1", "local"]),
        (["w*", "d*"], ["**"], ["web", "db"]),
        (["**", "!w*"], ["**"], ["db", "h1", "local"]),
        (["!w*"], ["**"], ["db", "h1", "local"]),
        (["h1", "local"], ["**"], ["h1", "local"]),
        (["**"], ["container.cpu.*", "container.memory.**"], ["web", "db"]),
        (["**"], ["!container.memory.*"], ["web", "h1", "local"]),
        (["web"], ["!container.cpu.usage"], []),
        ([], ["**"], []),
    ],
)
def test_a_table_chooses_entities_and_metrics(
    containers: list[str], metrics: list[str], left: list[str]
) -> None:
    """By alias or name, and by the catalogue's name; a pattern with ! takes away."""
    assert [name for name, _ in chosen(containers, metrics)] == left


async def test_only_what_is_chosen_is_encoded() -> None:
    """For those that send at once and those that keep alike."""
    seen: list[Snapshot] = []

    class Seeing(Scripted):
        def encode(self, snapshot: Snapshot):
            seen.append(snapshot)
            return []

    journal, _ = a_journal()
    both = a_snapshot(a_series(PIDS, 1, alias="web"), a_series(PIDS, 1, alias="db"))
    await Delivery(Seeing(), journal, ExporterOptions(containers=("web",))).deliver(both)
    async with Sending(Seeing(), containers=("web",)) as sending:
        await sending.delivery.deliver(both)

    assert [each.series for each in seen] == [both.series[:1]] * 2
    assert sending.delivery.state.kept == Amount()


def test_the_table_decides_how_an_exporter_delivers() -> None:
    """With a backend that answers it keeps; datagrams go once."""
    journal, _ = a_journal()
    agent = Agent("h1", False, None, journal)  # type: ignore[arg-type]

    kinds = [
        type(delivery_of(Scripted(), table, agent, lambda: 0.0))
        for table in (StatsdOptions(), ExporterOptions(), BackendOptions())
    ]

    assert kinds == [Delivery, Delivery, KeptDelivery]


@pytest.mark.parametrize("table", [ExporterOptions(), BackendOptions()])
async def test_the_loop_goes_on_while_a_snapshot_is_encoded(table: ExporterOptions) -> None:
    """Of many containers: no sample waits for that."""
    gone_on = threading.Event()

    class Slow(Scripted):
        def encode(self, snapshot: Snapshot) -> Sequence[bytes]:
            assert gone_on.wait(10)
            return super().encode(snapshot)

    journal, sentences = a_journal()
    agent = Agent("h1", False, ManualClock(), journal)
    delivery = delivery_of(Slow(), table, agent, lambda: 0.0)
    many = a_snapshot(*[a_series(PIDS, 1)] * (AT_ONCE + 1))
    delivering = asyncio.create_task(delivery.deliver(many))
    await settle()
    gone_on.set()
    await delivering
    delivery.end()
    await delivery.run()
    await delivery.close()

    assert sentences == []
    assert delivery.state.sent == Amount(1, 1, 4)


async def test_what_goes_well_is_not_told() -> None:
    """Batch by batch, in order; the state counts."""
    async with Sending(Scripted(records=2)) as sending:
        await sending.snapshots(10, 20)
        assert sending.exporter.arrived == [b"10.0", b"10.1", b"20.0", b"20.1"]
        assert sending.exporter.sends == [2, 2]
        state = sending.delivery.state

    assert state.sent == Amount(2, 4, 16)
    assert (state.retried, state.dropped, state.kept, state.trouble) == (0, {}, Amount(), "")
    assert sending.sentences == []
    assert sending.exporter.closed


async def test_a_backend_that_is_away_is_tried_again() -> None:
    """After 1, 2, 4 ... 30 seconds and up to twice that; told once, with what is kept and where."""
    async with Sending(Scripted(otherwise=away)) as sending:
        await sending.snapshots(10)
        for passed, tries in ((0.9, 1), (0.1, 2), (1.9, 2), (0.1, 3), (4, 4), (8, 5), (16, 6)):
            await sending.passed(passed)
            assert len(sending.exporter.sends) == tries
        await sending.passed(90)
        assert len(sending.exporter.sends) == 9
        assert sending.delivery.state.trouble.endswith("connection refused.")
        sending.exporter.otherwise = fine
        await sending.snapshots(20)
        assert sending.exporter.arrived == []
        await sending.passed(30)
        assert sending.exporter.arrived == [b"10.0", b"20.0"]
        state = sending.delivery.state

    assert (state.retried, state.trouble) == (9, "")
    assert sending.journal.counts == {"export failed": 9}
    assert sending.sentences == [
        "Influx at here cannot be reached: connection refused. Exporter influx tries again;"
        " until then what it sends waits in memory, 24B so far.",
        "exports go through again",
    ]


@pytest.mark.parametrize("answer", [away, refusing, broken])
@pytest.mark.parametrize("table", [ExporterOptions(), BackendOptions(spool=__file__)])
async def test_a_new_configuration_is_told_what_still_fails(
    table: ExporterOptions, answer: Answer
) -> None:
    """Who corrected an address sees whether that helped: each delivery tells for itself."""
    journal, sentences = a_journal()
    told: list[list[str]] = []
    for _ in range(2):
        agent = Agent("h1", False, ManualClock(), journal)
        delivery = delivery_of(Scripted(otherwise=answer), table, agent, lambda: 0.0)
        await delivery.deliver(a_snapshot())
        delivery.end()
        await delivery.run()
        await delivery.close()
        told.append([*sentences])
        sentences.clear()

    first, second = told
    assert first == second
    assert first != []


async def test_nothing_to_send_is_no_delivery() -> None:
    """It says nothing of whether the backend is there."""
    journal, sentences = a_journal()
    exporter = Scripted([refusing])
    delivery = Delivery(exporter, journal)
    await delivery.deliver(a_snapshot())
    exporter._records = 0
    await delivery.deliver(a_snapshot())
    await delivery.close()

    assert (len(exporter.sends), delivery.state.sent) == (1, Amount())
    assert sentences == ["Influx at here answered 400 Bad Request."]


async def test_a_backend_is_left_alone_as_long_as_it_asks_for() -> None:
    """But for an hour at most; a shorter wish does not hurry."""
    script = [busy(90), busy(0.5), busy(10**9), busy(None)]
    async with Sending(Scripted(script)) as sending:
        await sending.snapshots(10)
        for passed, tries in ((89, 1), (1, 2), (1.9, 2), (0.1, 3), (3599, 3), (1, 4), (8, 5)):
            await sending.passed(passed)
            assert len(sending.exporter.sends) == tries

    assert sending.exporter.arrived == [b"10.0"]
    assert sending.sentences[1:] == ["exports go through again"]


async def test_a_backend_that_never_answers_has_a_deadline() -> None:
    """It is one that may take it later."""
    async with Sending(Scripted(), timeout=0.02) as sending:
        sending.exporter.hanging = True
        await sending.snapshots(10)
        assert sending.delivery.state.retried == 1
        sending.exporter.hanging = False
        await sending.passed(1)

    assert sending.exporter.arrived == [b"10.0"]
    assert sending.sentences == [
        "Influx at here took longer than 0.02 s. Exporter influx tries again; until then"
        " what it sends waits in memory, 24B so far.",
        "exports go through again",
    ]


async def test_too_much_at_once_goes_in_halves() -> None:
    """In order; the next batch is tried whole."""
    async with Sending(Scripted(otherwise=taking(30), records=10)) as sending:
        await sending.snapshots(10, 20)

    assert sending.exporter.sends == [10, 5, 5] * 2
    assert sending.exporter.arrived == [b"%d.%d" % (at, n) for at in (10, 20) for n in range(10)]
    assert sending.sentences == []
    assert sending.delivery.state.sent == Amount(4, 20, 80)


async def test_a_record_that_is_too_large_by_itself_is_dropped() -> None:
    """It is found by halving, told with how it begins, and all others arrive."""

    class OneFat(Scripted):
        def encode(self, snapshot: Snapshot):
            return [b"fat\0line\xff " + b"x" * 100 if n == 60 else b"%d" % n for n in range(100)]

    async with Sending(OneFat(otherwise=taking(100))) as sending:
        await sending.snapshots(10, 20, 30)

    assert sending.exporter.arrived == [b"%d" % n for n in range(100) if n != 60] * 3
    assert len(sending.exporter.sends) < 3 * 30
    assert sending.journal.counts == {"record too large": 3}
    assert sending.delivery.state.dropped == {"record too large": 3}
    (said,) = sending.sentences
    begins = "fat.lineÿ " + "x" * 50
    assert said == (
        "Influx at here answered 413 Too Large. Exporter influx drops a record of 110B that begins"
        f' with "{begins}".'
    )


async def test_an_outage_in_the_middle_of_halves_repeats_nothing() -> None:
    """What a backend has taken it does not get again."""
    script: list[Answer] = [taking(20), taking(20), away, fine]
    async with Sending(Scripted(script, records=10)) as sending:
        await sending.snapshots(10)
        assert sending.delivery.state.kept.records == 5
        await sending.passed(1)

    assert sending.exporter.arrived == [b"10.%d" % n for n in range(10)]
    assert sending.exporter.sends == [10, 5, 5, 5]


async def test_what_a_backend_refuses_is_dropped() -> None:
    """Told once, counted by records, and told again only after it went well."""
    script: list[Answer] = [refusing, refusing, fine, refusing, fine]
    async with Sending(Scripted(script, records=3)) as sending:
        await sending.snapshots(10, 20, 30, 40, 50)

    refusal = "Influx at here answered 400 Bad Request. What exporter influx sent is dropped."
    assert sending.exporter.arrived == [b"30.0", b"30.1", b"30.2", b"50.0", b"50.1", b"50.2"]
    assert sending.journal.counts == {"export refused": 9}
    assert sending.sentences == [refusal, "exports go through again"] * 2


async def test_a_bug_of_an_exporter_stops_nothing() -> None:
    """It is told with its type, wherever it is; what it concerns is counted as dropped."""

    class Buggy(Scripted):
        def encode(self, snapshot: Snapshot):
            return [b"ok"] if snapshot.at != 20 else 1 / 0

    async with Sending(Buggy([broken])) as sending:
        for at in (10, 20, 30):
            await sending.snapshots(at)
    journal, sentences = a_journal()
    at_once = Delivery(Buggy([broken]), journal)
    for at in (10, 20, 30):
        await at_once.deliver(a_snapshot(at=at))

    assert sending.exporter.arrived == [b"ok"]
    assert sending.journal.counts == journal.counts == {"exporter bug": 2}
    assert sending.delivery.state == at_once.state
    assert at_once.state.dropped == {"exporter bug": 2}
    assert (
        sending.sentences
        == sentences
        == [
            "traceback",
            "exporter influx has a bug, and drops what it cannot send: KeyError: 'x'.",
            "traceback",
            "exports go through again",
        ]
    )


async def test_a_stop_sends_what_is_kept_at_once() -> None:
    """A pause does not keep it from trying once more."""
    async with Sending(Scripted([away])) as sending:
        await sending.snapshots(10, 20)
        assert sending.exporter.arrived == []
        await sending.stop()
        assert sending.exporter.arrived == [b"10.0", b"20.0"]


async def test_a_stop_in_an_outage_tells_what_is_lost() -> None:
    """One more try, and then it is over; nothing waits for a backend that is away."""
    async with Sending(Scripted(otherwise=away, records=2)) as sending:
        await sending.snapshots(10, 20)
        await sending.stop()

    assert len(sending.exporter.sends) == 2
    assert sending.sentences[1:] == [
        "exporter influx ends, and 64B could not be delivered: they are lost."
    ]
    assert sending.journal.counts == {"export failed": 2, "not delivered": 4}
    assert sending.delivery.state.kept == Amount()
    assert sending.delivery.state.dropped == {"not delivered": 4}


async def test_a_stop_in_an_outage_leaves_the_spool_as_it_is(tmp_path) -> None:
    """It is told that it stays, and how much."""
    async with Sending(Scripted(otherwise=away), tmp_path) as sending:
        await sending.snapshots(10)
        await sending.snapshots(20)
        await sending.stop()

    assert sending.sentences == [
        "Influx at here cannot be reached: connection refused. Exporter influx tries again;"
        f" until then what it sends waits in {tmp_path}/influx, 24B so far.",
        "what was not delivered stays in the spool",
    ]
    assert sending.journal.counts == {"export failed": 2}


async def test_settled_waits_until_nothing_is_kept() -> None:
    """A replay waits so for its exporters."""
    async with Sending(Scripted([away])) as sending:
        await sending.snapshots(10)
        settled = asyncio.create_task(sending.delivery.settled())
        await settle()
        assert not settled.done()
        await sending.passed(1)
        await settled

    journal, _ = a_journal()
    await Delivery(Scripted(), journal).settled()


def test_a_replay_stands_still_until_its_backend_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over failures too: the pauses are of the real world, the recording goes on afterwards."""
    monkeypatch.setattr("tidegauge.exporters.delivery.FIRST_PAUSE", 0.05)
    clock, journal = PlaybackClock(0.0, float("inf"), SystemClock()), a_journal()[0]
    exporter = Scripted([away, away])
    kept = KeptDelivery(exporter, journal, BackendOptions(), SystemClock(), lambda: 0.0)
    replayed = _Unhurried(kept, journal, clock)

    async def main() -> None:
        running = asyncio.create_task(replayed.run())
        later = asyncio.create_task(clock.sleep(100))
        await replayed.deliver(a_snapshot(at=10))
        assert exporter.arrived == [b"10.0"]
        assert clock.monotonic() == 0
        await later
        replayed.end()
        await running
        await replayed.close()

    with asyncio.Runner(loop_factory=clock.new_loop) as runner:
        runner.run(main())
    assert clock.monotonic() == 100
    assert exporter.closed
