"""The fleet, as the API answers it."""

from collections.abc import Awaitable
from typing import TypeVar

from tidegauge.errors import HistoryError, Unanswerable
from tidegauge.fleet.agents import OFF_MS
from tidegauge.fleet.fleet import Fleet, HostsSeen
from tidegauge.fleet.hosts import HostSeen
from tidegauge.fleet.looks import Container
from tidegauge.history.rows import History
from tidegauge.web.fleet_views import (
    FleetAnswer,
    FleetContainer,
    FleetContainers,
    FleetHost,
    FleetService,
    FleetServices,
)

T = TypeVar("T")


async def hosts(fleet: Fleet | None) -> FleetAnswer:
    """All hosts."""
    seen = await _asked(_there(fleet).hosts())
    found = [_host(each) for each in seen.hosts]
    return FleetAnswer(seen.now / 1000, found, _troubles(seen))


async def services(fleet: Fleet | None) -> FleetServices:
    """All services over hosts."""
    seen = await _asked(_there(fleet).services())
    found = [
        FleetService(
            *(key[0] or None, key[1] or None),
            _whole(each.running),
            _whole(seen.hosts.get(key)),
            *(each.cpu, each.memory, each.rx, each.tx),
        )
        for key, each in sorted(seen.rows.items())
    ]
    return FleetServices(seen.now / 1000, found, seen.left_out)


async def containers(
    fleet: Fleet | None, host: str, project: str | None, service: str | None
) -> FleetContainers:
    """Those of a host, of a service, or all."""
    seen = await _asked(_there(fleet).containers(host, project, service))
    found = [_container(name, each) for name, each in seen.rows]
    found.sort(key=lambda each: (each.host, each.engine, each.alias))
    return FleetContainers(seen.at / 1000, found, seen.left_out)


async def history(fleet: Fleet | None, host: str, engine: str) -> History:
    """The series of a host."""
    return await _asked(_there(fleet).history(host, engine))


def _there(fleet: Fleet | None) -> Fleet:
    if fleet is None:
        raise Unanswerable(
            "there is no fleet, because no server has its series; [history] prometheus = URL names"
            " one.",
            404,
        )
    return fleet


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except HistoryError as error:
        raise Unanswerable(str(error), 503) from error


def _host(seen: HostSeen) -> FleetHost:
    about, sums, agent = seen.about, seen.sums, seen.agent
    known = about.cpus is not None and about.busy is not None
    return FleetHost(
        name=seen.name,
        silent=seen.silent,
        seen=seen.last / 1000,
        agents=seen.agents,
        version=about.version,
        interval=agent.interval / 1000 if agent and not seen.silent else None,
        clock=agent.off / 1000 if agent and agent.off is not None and not seen.silent else None,
        trouble=_trouble(seen),
        engines=list(seen.engines),
        running=_whole(sums.running),
        cpu=sums.cpu,
        memory=sums.memory,
        rx=sums.rx,
        tx=sums.tx,
        cpus=about.cpus,
        cpu_used=(about.cpus or 0) * (about.busy or 0) if known else None,
        memory_total=about.memory_total,
        memory_available=about.memory_available,
    )


def _trouble(seen: HostSeen) -> str | None:
    """The first that is the matter with a host."""
    off = seen.agent.off if seen.agent else None
    if off is not None and abs(off) > OFF_MS and not seen.silent:
        which = "ahead" if off > 0 else "behind"
        late = ", or it catches up after an outage" if seen.agent and seen.agent.late else ""
        return (
            f"its clock is {abs(off) / 1000:.0f} s {which} of that of history.prometheus{late};"
            " let NTP set it."
        )
    if seen.about.twice:
        return (
            "two agents write under its name, so rates are not known; stop one, or give it a label"
            ' such as { instance = "2" } in [exporters.remote_write] labels.'
        )
    if seen.elsewhere:
        return f"containers of it are counted at {', '.join(seen.elsewhere)}, which sees them, too."
    if seen.agent is None:
        return "its agent does not tell its time; send tidegauge.clock to see whether it is silent."
    return None


def _troubles(seen: HostsSeen) -> list[str]:
    found: list[str] = []
    off = seen.here - seen.now / 1000
    if abs(off) > OFF_MS / 1000:
        which = "ahead" if off > 0 else "behind"
        found.append(
            f"the clock of this machine is {abs(off):.0f} s {which} of that of history.prometheus;"
            " let NTP set it."
        )
    if seen.left_out:
        found.append(
            f"{seen.left_out} engines are left out of the sums, because there are too many; choose"
            " by history.labels."
        )
    return found


def _container(host: str, seen: Container) -> FleetContainer:
    about, sums = seen.about, seen.sums
    return FleetContainer(
        *(host, seen.node.engine, seen.alias),
        *(about.get("id"), about.get("name"), about.get("image")),
        *(about.get("project"), about.get("service"), seen.state),
        *(sums.cpu, sums.memory, sums.rx, sums.tx),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
