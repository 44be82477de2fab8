"""Tidegauge on the host's own files, against itself on the engine's API, on the same engine."""

import programs
from real_part import Found, Plan, Window, counted, engine_with, measured
from rows import Bound, Row, Section, beside, ratios

from servers.engine import DockerEngine
from servers.process import free_ports

TITLE = "Read directly"
API, EACH_SECOND, TEN_TIMES, NOTHING = (
    "tidegauge",
    "direct, each 1 s",
    "direct, each 0.1 s",
    "nothing",
)
ACTIVE = 0.07
"""Of all containers: these wake up three times a second."""

METHOD = """\
{containers} containers on a dockerd of its own, {active} of which wake up three times a second.
{rounds} rounds, each of {seconds:g} s for Tidegauge on the API, reading directly each second and
ten times a second, and for nothing at all: what the engine takes then it takes anyway, and its
work for a program is what it takes more. That differs by some 10 ms a second from window to
window, of which reading directly has no part but cannot be told apart. The engine is in a network
namespace of its own, and what reads directly is in that one too, as on any host. Without a
history."""


def section(*, quick: bool) -> Section:
    """Measure all, or say why that is impossible here."""
    plan = Plan.of(quick=quick)
    if lack := DockerEngine.missing():
        return Section("direct", TITLE, (), skipped=(lack,))
    api, once, ten = free_ports(3)
    active = round(ACTIVE * plan.containers)
    with engine_with(plan.containers, active) as engine, counted(engine) as sweeps:
        every = [
            programs.tidegauge(api),
            programs.tidegauge_direct(once, 1.0, engine.pid),
            programs.nothing(),
            programs.tidegauge_direct(ten, 0.1, engine.pid),
        ]
        found = measured(engine, sweeps, every, plan)
    method = METHOD.format(**plan._asdict(), active=active)
    return Section(
        "direct", TITLE, rows(found, plan.containers), method, [*found.failures.values()]
    )


def rows(found: Found, containers: int) -> list[Row]:
    """What a sample costs directly, and how much less that is than by the API."""
    ours = found.values(EACH_SECOND, lambda one: _each(one, containers))
    idle = found.values(NOTHING, lambda one: one.engine_cpu / one.seconds)
    whole = [
        each + max(0.0, engine - before) / containers * 1e6
        for each, engine, before in zip(ours, found.values(EACH_SECOND, _engine), idle, strict=True)
    ]
    by_api = found.values(API, lambda one: (one.cpu + one.engine_cpu) / one.events * 1e6)
    failed = "; ".join(found.failures.values())
    return [
        Row("", "us/sample, directly each 1 s", ours, Bound(25), failed=failed),
        Row(
            *("", "CPU of program and engine for a sample, directly / API", ratios(ours, by_api)),
            *(Bound(1 / 60), beside("us", directly=ours, API=by_api)),
            failed=failed,
        ),
        Row(
            *("", "the same, with all the engine took more than for nothing"),
            ratios(whole, by_api),
            notes=beside("us", directly=whole),
        ),
        Row(
            *("", "cores, directly each 0.1 s"),
            found.values(TEN_TIMES, lambda one: one.cpu / one.seconds),
            Bound(0.03),
            failed=failed,
        ),
    ]


def _each(one: Window, containers: int) -> float:
    return one.cpu / one.seconds / containers * 1e6


def _engine(one: Window) -> float:
    return one.engine_cpu / one.seconds
