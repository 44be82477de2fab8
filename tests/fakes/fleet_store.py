"""A Prometheus that was never scraped: it makes up the answers to what is asked of a fleet."""

import asyncio
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from aiohttp import web
from msgspec import Struct

Rows = list[tuple[dict[str, str], float]]

INTERVAL = 10.0
_BY = re.compile(r"by \(([^)]*)\)")
_NAME = re.compile(r"(tidegauge|container|system)_[a-z_]+")
_SELECTOR = re.compile(r'\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
_MATCHER = re.compile(r'(\w+)(=~?)"((?:[^"\\]|\\.)*)"')
_WINDOW = re.compile(r"\[(\d+)ms\]")
_ESCAPED = re.compile(r"\\(.)")
_EITHER = re.compile(r"(?<!\\)\|")
_COLUMN = re.compile(r'label_replace\((.+?), "(\w+)", "(\w+)", "", ""\)')

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
    interval: float = INTERVAL
    told: float = 0.0
    """So many seconds before the time of a sample is the time that it tells."""

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
        self._random = random.Random(1)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """To a request of any kind."""
        if self.answering is not None:
            return await self.answering(request)
        form = await request.post()
        query, now = str(form["query"]), self.now()
        at = float(str(form.get("time") or form.get("end") or now))
        self.asked.append(query)
        if query.startswith("tidegauge_clock_seconds"):
            return _result([*self._times(query, at)])
        found = [(now, *row) for row in self._rows(query, at)]
        return _result(
            [{"metric": labels, "value": [at, str(value)]} for at, labels, value in found]
        )

    def _last(self, host: FakeHost) -> float:
        """When its newest sample was; each second there is one, or none any more."""
        if host.silent_for:
            return self._began - host.silent_for
        return float(int(self.now())) + host.ahead

    def _samples(self, host: FakeHost) -> list[float]:
        """The times of its newest ones."""
        return [self._last(host) - host.interval * n for n in reversed(range(12))]

    def _times(self, query: str, at: float) -> Iterator[Mapping[str, Any]]:
        """Samples of the clocks in a window."""
        for host in self.hosts:
            labels = {"host": host.name, **host.labels}
            times = [each for each in self._samples(host) if _window(query, at, each)]
            if times and _chosen(query, labels):
                ahead = host.ahead - host.told
                yield {"metric": labels, "values": [[each, str(each + ahead)] for each in times]}

    def _rows(self, query: str, at: float) -> Rows:
        if '"leader"' in query or query.startswith("count(count"):
            return self._shared(query)
        if " and on (" in query:
            return self._cut(query, at)
        if query.startswith(("topk(", "count(")):
            return self._outer(query, at)
        by, name = _BY.search(query), _NAME.search(query)
        labels = [each.strip() for each in by[1].split(",")] if by else []
        family = name[0] if name else ""
        if family in {"", "tidegauge_clock_seconds"}:
            return self._clocks(query) if family else [({}, self.now())]
        hosts = [
            each
            for each in self.hosts
            if not each.silent_for or any(_window(query, at, when) for when in self._samples(each))
        ]
        if family.startswith(("system", "tidegauge")):
            return self._about(family, hosts)
        return self._summed(query, family, labels, hosts)

    def _clocks(self, query: str) -> Rows:
        found = [({"host": each.name, **each.labels}, each) for each in self.hosts]
        told = 0 if "timestamp(" in query else 1
        return [
            (labels, self._last(each) - told * each.told)
            for labels, each in found
            if _chosen(query, labels)
        ]

    def _outer(self, query: str, at: float) -> Rows:
        """Of as many as are wanted, or how many there are; of equal ones any, as a server does."""
        if query.startswith("count("):
            return [({}, float(len(self._rows(query[6:], at))))]
        most, _, inner = query[5:].partition(", ")
        found = self._rows(inner, at)
        self._random.shuffle(found)
        return sorted(found, key=lambda row: -row[1])[: int(most)]

    def _cut(self, query: str, at: float) -> Rows:
        """Columns, each with a label, or one without, of those that are chosen."""
        asked, _, rest = query.partition(" and on (")
        on, _, choice = rest.partition(") ")
        names = on.split(", ")

        def key(labels: Mapping[str, str]) -> tuple[str, ...]:
            return tuple(labels.get(name, "") for name in names)

        chosen = {key(labels) for labels, _ in self._rows(choice, at)}
        columns = _COLUMN.findall(asked.removeprefix("(")) or [(asked, "", "")]
        return [
            ({**labels, mark: column} if mark else labels, value)
            for inner, mark, column in columns
            for labels, value in self._rows(inner, at)
            if key(labels) in chosen
        ]

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
        """Who sees containers of whom."""
        twice = [each for each in self.hosts if each.ids]
        if query.startswith("count("):
            return [({}, float(len(twice)))] if twice else []
        places = {id(each): {**each.labels, "engine": "local"} for each in twice}
        leaders = {each.ids: places[id(each)] for each in reversed(twice)}
        names = "host", "instance", "job", "engine"
        return [
            ({**places[id(each)], "leader": "\n".join(leader.get(name, "") for name in names)}, 1.0)
            for each in twice
            for leader in (leaders[each.ids],)
        ]

    def _summed(
        self, query: str, family: str, labels: list[str], hosts: Sequence[FakeHost]
    ) -> Rows:
        value = {"container_cpu_usage": CPU, "container_memory_working_set_bytes": MEMORY}
        each = value.get(family, 1.0)
        rows: dict[tuple[tuple[str, str], ...], float] = defaultdict(float)
        places: dict[tuple[tuple[str, str], ...], set[tuple[str, str]]] = defaultdict(set)
        for known in self._containers(query, hosts):
            if labels:
                key = tuple((name, known[name]) for name in labels if name in known)
            else:
                key = tuple(known.items())
            rows[key] += each
            places[key].add((known.get("host", ""), known.get("instance", "")))
        if "count by" in query:
            return [(dict(key), float(len(found))) for key, found in places.items()]
        if "container_network" in family:
            return [
                ({**dict(key), "direction": way}, RATE * total)
                for key, total in rows.items()
                for way in ("receive", "transmit")
            ]
        return [(dict(key), total) for key, total in rows.items()]

    def _containers(self, query: str, hosts: Sequence[FakeHost]) -> Iterator[dict[str, str]]:
        for each in hosts:
            for project, name, count in each.services:
                for n in range(count):
                    alias = f"{project}-{name}-{n + 1}"
                    named = {"project": project, "service": name, "container": alias}
                    more = {"image": f"{name}:1", "id": f"{n:064d}", "state": "running"}
                    labels = {**each.labels, "engine": "local", **named, **more}
                    if _chosen(query, labels):
                        yield labels


def _chosen(query: str, labels: Mapping[str, str]) -> bool:
    """Has one of the selectors these labels, and none of those after ``unless``?"""
    wanted, without = _selectors(query)
    return any(_has(each, labels) for each in wanted) and not any(
        _has(each, labels) for each in without
    )


@cache
def _selectors(query: str) -> tuple[Sequence[str], Sequence[str]]:
    wanted, _, without = query.partition(" unless ")
    return _SELECTOR.findall(wanted), _SELECTOR.findall(without)


def _has(selector: str, labels: Mapping[str, str]) -> bool:
    return all(labels.get(name, "") in values for name, values in _matchers(selector))


@cache
def _matchers(selector: str) -> Sequence[tuple[str, frozenset[str]]]:
    """Labels, and the values that are asked for: patterns are of quoted names only."""
    found = []
    for name, how, quoted in _MATCHER.findall(selector):
        text = _ESCAPED.sub(r"\1", quoted)
        values = [_ESCAPED.sub(r"\1", each) for each in _EITHER.split(text)]
        found.append((name, frozenset(values if how == "=~" else [text])))
    return found


def _window(query: str, at: float, when: float) -> bool:
    """Is that in the first range of samples of a query?"""
    window = _WINDOW.search(query)
    return window is None or at - int(window[1]) / 1000 < when <= at


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
