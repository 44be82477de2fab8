"""A Prometheus that was never scraped: it makes up the answers to what is asked of a fleet."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from msgspec import Struct

Rows = list[tuple[dict[str, str], float]]

INTERVAL = 10.0
_BY = re.compile(r"by \(([^)]*)\)")
_NAME = re.compile(r"(tidegauge|container|system)_[a-z_]+")
_HOST = re.compile(r'(?<![a-z_])host=~?"([^"|]*)')
_UNLESS = re.compile(r" unless \w+\([^()]*\)")
_SERVICE = re.compile(r'project="([^"]*)",service="([^"]*)"')

CPU, MEMORY, RATE = 0.25, 2.0**20, 100.0
"""Of each container."""


class FakeHost(Struct):
    """A host that writes: its services, each with so many containers; the first is ``web``."""

    name: str
    services: Sequence[tuple[str, str, int]] = (("shop", "web", 2), ("shop", "db", 1))
    silent_for: float = 0.0
    ahead: float = 0.0
    instance: str = ""
    ids: str = ""
    """Where two hosts have the same, their containers are the same."""
    resets: float = 0.0

    @property
    def labels(self) -> dict[str, str]:
        """Those that its agent puts on everything."""
        scraped = {"instance": self.instance, "job": "tidegauge"} if self.instance else {}
        return scraped or {"host": self.name}

    @property
    def count(self) -> int:
        return sum(count for _, _, count in self.services)


class FleetStore:
    """Implements what `tidegauge.fleet` asks; ``answering`` may be put in its place."""

    def __init__(
        self, hosts: Sequence[FakeHost] = (), now: Callable[[], float] = time.time
    ) -> None:
        self.hosts, self.now = [*hosts], now
        self.asked: list[str] = []
        self.answering: Callable[[web.BaseRequest], Any] | None = None
        self.url = ""
        self._began = now()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """To a request of any kind."""
        if self.answering is not None:
            return await self.answering(request)
        query = str((await request.post())["query"])
        self.asked.append(query)
        if query.startswith("tidegauge_clock_seconds"):
            return _result([self._times(each) for each in self.hosts if self._lately(each)])
        now = self.now()
        found = [(now, *row) for row in self._rows(query)]
        return _result(
            [{"metric": labels, "value": [at, str(value)]} for at, labels, value in found]
        )

    def _lately(self, host: FakeHost) -> bool:
        return self.now() - self._last(host) < 120

    def _last(self, host: FakeHost) -> float:
        """When its newest sample was; each second there is one, or none any more."""
        if host.silent_for:
            return self._began - host.silent_for
        return float(int(self.now())) + host.ahead

    def _times(self, host: FakeHost) -> Mapping[str, Any]:
        last = self._last(host)
        times = [last - INTERVAL * n for n in reversed(range(12))]
        labels = {"host": host.name, **host.labels}
        return {"metric": labels, "values": [[at, str(at + host.ahead)] for at in times]}

    def _rows(self, query: str) -> Rows:
        if query.startswith(("topk(", "count(sum", "count(max")):
            return self._outer(query)
        by, name = _BY.search(query), _NAME.search(query)
        labels = [each.strip() for each in by[1].split(",")] if by else []
        family = name[0] if name else ""
        without = {host[1] for each in _UNLESS.findall(query) if (host := _HOST.search(each))}
        query = _UNLESS.sub("", query)
        hosts = [each for each in self.hosts if not each.silent_for or _HOST.search(query)]
        hosts = [each for each in hosts if each.name not in without]
        if family in {"", "tidegauge_clock_seconds"}:
            return self._clocks() if family else [({}, self.now())]
        if family == "container_info" and (labels[:1] == ["id"] or query.startswith("count(")):
            return self._shared(query)
        if family.startswith(("system", "tidegauge")):
            return self._about(family, hosts)
        return self._summed(query, family, labels, hosts)

    def _clocks(self) -> Rows:
        return [({"host": each.name, **each.labels}, self._last(each)) for each in self.hosts]

    def _outer(self, query: str) -> Rows:
        """Of as many as are wanted, or how many there are."""
        if query.startswith("count("):
            return [({}, float(len(self._rows(query[6:]))))]
        most, _, inner = query[5:].partition(", ")
        return self._rows(inner)[: int(most)]

    def _about(self, family: str, hosts: Sequence[FakeHost]) -> Rows:
        value = {
            "system_cpu_logical_cpus": 8.0,
            "system_cpu_utilization_ratio": 0.5,
            "system_memory_limit_bytes": 2.0**33,
            "system_linux_memory_available_bytes": 2.0**32,
            "tidegauge_info": 1.0,
        }.get(family)
        if value is None:  # counters that fell
            return [
                ({"host": each.name, **each.labels}, each.resets) for each in hosts if each.resets
            ]
        more = {"tidegauge_version": "1.2.3"} if family == "tidegauge_info" else {}
        return [({"host": each.name, **each.labels, **more}, value) for each in hosts]

    def _shared(self, query: str) -> Rows:
        twice = [each for each in self.hosts if each.ids]
        if query.startswith("count("):
            return [({}, float(len(twice)))] if twice else []
        return [({"id": each.ids, **each.labels, "engine": "local"}, 1.0) for each in twice]

    def _summed(
        self, query: str, family: str, labels: list[str], hosts: Sequence[FakeHost]
    ) -> Rows:
        value = {"container_cpu_usage": CPU, "container_memory_working_set_bytes": MEMORY}
        each = value.get(family, 1.0)
        if "count by" in query:
            each = 0.0
        rows: dict[tuple[tuple[str, str], ...], float] = {}
        for known in self._containers(query, hosts):
            if labels:
                key = tuple((name, known[name]) for name in labels if name in known)
            else:
                key = tuple(known.items())
            rows[key] = rows.get(key, 0.0) + each
        found = [(dict(key), total) for key, total in rows.items()]
        if "container_network" in family:
            found = [
                ({**key, "direction": way}, RATE * total)
                for key, total in found
                for way in ("receive", "transmit")
            ]
        if "count by" in query:
            return [(key, float(len(hosts))) for key, _ in found]
        return found

    def _containers(self, query: str, hosts: Sequence[FakeHost]) -> Iterator[dict[str, str]]:
        host, service = _HOST.search(query), _SERVICE.search(query)
        for each in hosts:
            if host is not None and host[1] not in {each.name, ""}:
                continue
            for project, name, count in each.services:
                if service is not None and (project, name) != (service[1], service[2]):
                    continue
                for n in range(count):
                    alias = f"{project}-{name}-{n + 1}"
                    named = {"project": project, "service": name, "container": alias}
                    more = {"image": f"{name}:1", "id": f"{n:064d}", "state": "running"}
                    yield {**each.labels, "engine": "local", **named, **more}


def _result(series: Sequence[Mapping[str, Any]]) -> web.Response:
    return web.json_response({"status": "success", "data": {"result": [*series]}})


@contextmanager
def serving_fleet(store: FleetStore) -> Iterator[FleetStore]:
    """Serve it in a thread of its own, at its ``url``."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(store.answer), shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            ready.set()
            await over.wait()
        finally:
            await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield store
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
