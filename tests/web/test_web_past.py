"""Series and events: what is asked of the history, what comes of it, and what cannot be asked."""

import pytest
from served import Served, asked

from tidegauge.history.rows import Event, Known, Points
from tidegauge.web.asking import coarse

WEB = ("container", "e", "web")
CPU = "container.cpu.time"
MEMORY = "container.memory.working_set"
ASK = f"/api/v1/series?entity=container:e/web&metric={CPU}"


def points(metric: str, *times: float, attributes=()) -> Points:
    mean = [float(each) for each in times]
    least = [each - 1.0 for each in times]
    greatest = [each + 1.0 for each in times]
    return Points(metric, attributes, list(times), mean, least, greatest, [None for _ in times])


async def test_series_are_answered_with_their_names_and_units() -> None:
    """Every number as the history has it; counters are marked."""
    served = Served()
    served.history.points = [
        points(CPU, 10.0, 20.0, attributes=(("cpu.mode", "user"),)),
        points(MEMORY, 10.0),
    ]
    status, answer = await asked(served, f"{ASK}&metric={MEMORY}&start=0&stop=100&step=10")

    assert status == 200
    assert answer == {
        "entity": "container:e/web",
        "start": 0.0,
        "stop": 100.0,
        "step": 10.0,
        "series": [
            {
                "entity": "container:e/web",
                "metric": CPU,
                "attributes": {"cpu.mode": "user"},
                "unit": "s",
                "counter": True,
                "times": [10.0, 20.0],
                "mean": [10.0, 20.0],
                "min": [9.0, 19.0],
                "max": [11.0, 21.0],
                "p95": [None, None],
            },
            {
                "entity": "container:e/web",
                "metric": MEMORY,
                "attributes": {},
                "unit": "By",
                "counter": False,
                "times": [10.0],
                "mean": [10.0],
                "min": [9.0],
                "max": [11.0],
                "p95": [None],
            },
        ],
    }
    (query,) = served.history.asked
    assert (query.identity, query.metrics) == (WEB, (CPU, MEMORY))
    assert (query.start, query.stop, query.step) == (0.0, 100.0, 10.0)


@pytest.mark.parametrize(
    ("span", "start", "stop", "step"),
    [
        ("", -2600.0, 1000.0, 4.0),
        ("&start=-15m", 100.0, 1000.0, 3.0),
        ("&start=-15m&stop=now&step=1", 100.0, 1000.0, 1.0),
        ("&start=400&stop=-5m&points=300", 400.0, 700.0, 1.0),
        ("&start=0&stop=1000.5&points=10", 0.0, 1000.5, 120.0),
        ("&start=-500ms&step=auto", 999.5, 1000.0, 1.0),
        ("&start=0&stop=1000&step=61", 0.0, 1000.0, 120.0),
        ("&start=0&stop=1000&step=601", 0.0, 1000.0, 1200.0),
    ],
)
async def test_ranges_and_steps(span: str, start: float, stop: float, step: float) -> None:
    """Absolute or back from now, which is 1000; steps are rounded up to what buckets add up to."""
    served = Served()
    served.history.points = [points(CPU, 10.0)]
    status, answer = await asked(served, ASK + span)

    assert status == 200
    assert (answer["start"], answer["stop"], answer["step"]) == (max(start, 0.0), stop, step)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        *((0.0001, 1), (1, 1), (1.2, 2), (8.7, 9), (9.0, 9), (9.2, 10), (10, 10), (11, 20)),
        *((50, 50), (51, 60), (60, 60), (61, 120), (540, 540), (541, 600), (601, 1200)),
    ],
)
def test_steps_fit_the_buckets_there_are(seconds: float, step: float) -> None:
    """Whole seconds below ten, tens below a minute, minutes below ten, then tens of minutes."""
    assert coarse(seconds) == step


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "metric is missing: name one or more of those that /api/v1/metrics has."),
        (
            "?metric=container.cpu.time",
            "entity is missing: container:ENGINE/ALIAS, engine:NAME or host:NAME.",
        ),
        (
            "?entity=web&metric=container.cpu.time",
            'entity must be container:ENGINE/ALIAS, engine:NAME or host:NAME, not "web".',
        ),
        (
            "?entity=host:a&metric=container.cpu.tim",
            'metric "container.cpu.tim" does not exist; /api/v1/metrics has all, with kept: true or'
            " false.",
        ),
        (
            "?entity=host:a&metric=container.cpu.usage",
            'metric "container.cpu.usage" is not kept in the history; /api/v1/metrics has all, with'
            " kept: true or false.",
        ),
        (f"?{ASK[15:]}&start=10&stop=10", "start (10.000) must be before stop (10.000)."),
        (f"?{ASK[15:]}&start=now", "start (1000.000) must be before stop (1000.000)."),
        (
            f"?{ASK[15:]}&start=0&stop=-9999w",
            "start (0.000) must be before stop (-6047394200.000).",
        ),
        (
            f"?{ASK[15:]}&stop=99999999999",
            "stop (99999999999.000) is in the future; it is 1000.000 now.",
        ),
        (
            f"?{ASK[15:]}&start=yesterday",
            'start must be Unix seconds, or back from now such as -15m, not "yesterday".',
        ),
        (
            f"?{ASK[15:]}&start=nan",
            'start must be Unix seconds, or back from now such as -15m, not "nan".',
        ),
        (f"?{ASK[15:]}&step=0", 'step must be seconds from 1 on, or "auto", not "0".'),
        (f"?{ASK[15:]}&step=-5", 'step must be seconds from 1 on, or "auto", not "-5".'),
        (f"?{ASK[15:]}&step=inf", 'step must be seconds from 1 on, or "auto", not "inf".'),
        (
            f"?{ASK[15:]}&start=0&stop=80000&step=1",
            "80000 points are more than the 11000 that a series may have; step=8 would do.",
        ),
        (
            f"?{ASK[15:]}&points=1000000",
            'points must be a whole number from 1 to 11000, not "1000000".',
        ),
        (f"?{ASK[15:]}&points=٣", 'points must be a whole number from 1 to 11000, not "٣".'),
        (f"?{ASK[15:]}&stop=1&stop=2", "stop may be given once, not 2 times."),
        (
            f"?{ASK[15:]}&colour=red",
            'there is no parameter "colour": what is known is entity, metric, start, stop, step,'
            " points, host.",
        ),
        (
            "?" + "&".join(f"entity=host:{n}" for n in range(21)) + f"&metric={CPU}",
            "entity may be given 20 times, not 21 times.",
        ),
    ],
)
async def test_what_cannot_be_asked_says_what_can(query: str, sentence: str) -> None:
    """One sentence that names the parameter; the history is not troubled."""
    served = Served()

    assert await asked(served, f"/api/v1/series{query}") == (400, {"error": sentence})
    assert served.history.asked == []


async def test_several_entities_are_compared() -> None:
    """Each once; every series says whose it is."""
    served = Served()
    served.history.points = [points(CPU, 10.0)]
    _, answer = await asked(served, f"{ASK}&entity=engine:e&entity=engine:e&entity=host:h")

    assert answer["entity"] is None
    assert [each["entity"] for each in answer["series"]] == [
        "container:e/web",
        "engine:e",
        "host:h",
    ]


async def test_who_never_was_is_not_found() -> None:
    """Who is now, or was once, has no series in a range without any."""
    served = Served()
    assert await asked(served, ASK) == (
        404,
        {"error": 'there is no "container:e/web", nor was there.'},
    )
    served.history.known = [Known(WEB, {}, 1.0, 2.0)]
    assert (await asked(served, ASK))[1]["series"] == []
    served.history.known = []
    await served.see_recording()
    assert (await asked(served, ASK))[1]["series"] == []


async def test_an_answer_has_an_end() -> None:
    """Very many parts of few entities."""
    served = Served()
    one = points(CPU, *range(10_000))
    served.history.points = [one] * 21
    assert await asked(served, f"{ASK}&start=0") == (
        400,
        {
            "error": "the answer would have more than 200000 points; ask for fewer entities or"
            " metrics, or with step=8 or more."
        },
    )


async def test_events_are_of_all_or_of_some() -> None:
    """Facts that are not known are left out; the last day without a range."""
    served = Served()
    served.history.happened = [
        Event(WEB, 500_250, "die", {"exit_code": 1, "lifetime": None, "n": 2**60}),
        Event(("container", "e", "db"), 600_000, "start", {}),
        Event(WEB, 990_000, "health_status", {"health": "unhealthy"}),
    ]
    _, answer = await asked(served, "/api/v1/events?entity=container:e/web&start=100")
    assert answer == {
        "events": [
            {
                "at": 500.25,
                "entity": "container:e/web",
                "kind": "die",
                "facts": {"exit_code": 1, "n": float(2**60)},
            },
            {
                "at": 990.0,
                "entity": "container:e/web",
                "kind": "health_status",
                "facts": {"health": "unhealthy"},
            },
        ]
    }
    assert len((await asked(served, "/api/v1/events"))[1]["events"]) == 3
    assert len((await asked(served, "/api/v1/events?stop=-400s"))[1]["events"]) == 1
    served.history.happened = [Event(WEB, 500_000 + n, "start") for n in range(10_001)]
    assert (await asked(served, "/api/v1/events"))[0] == 400


async def test_without_a_history_it_says_so() -> None:
    """503, and the status has none."""
    served = Served()
    served.api._past = None
    for path in (ASK, "/api/v1/events"):
        assert await asked(served, path) == (
            503,
            {
                "error": "there is no history, because it is switched off; [history] enabled = true"
                " keeps one."
            },
        )


async def test_a_history_in_trouble_says_what_is_wrong() -> None:
    """503; the status still comes."""
    served = Served()
    served.history.trouble = "the history x cannot be used: disk I/O error."
    for path in (ASK, "/api/v1/events"):
        assert await asked(served, path) == (503, {"error": served.history.trouble})
    status, answer = await asked(served, "/api/v1/status")
    assert status == 200
    assert answer["history"] == {
        "path": "/var/lib/tidegauge/history.db",
        "bytes": None,
        "oldest": None,
        "trouble": served.history.trouble,
    }
