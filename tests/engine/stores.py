"""Stores in the network of an engine, asked from there."""

import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from servers.engine import DockerEngine

from .images import answer


class Stored(NamedTuple):
    """All that is stored of one series; times are in seconds, and the ends of it left out."""

    labels: Mapping[str, str]
    times: list[float]
    values: list[float]


class Store(NamedTuple):
    """What answers PromQL at an address there."""

    engine: DockerEngine
    host: str
    port: int

    def query(self, promql: str) -> list[tuple[Mapping[str, str], float]]:
        """What an instant query answers now: labels and value of each series."""
        lines = self._get("api/v1/query", query=promql, nocache="1")
        found = json.loads(lines[0])["data"]["result"] if lines else ()
        return [(one["metric"], float(one["value"][1])) for one in found]

    def samples(self, selector: str) -> list[Stored]:
        """Everything of the series that a selector takes; of VictoriaMetrics only."""
        return [*map(_stored, self._get("api/v1/export", **{"match[]": selector}))]

    def _get(self, page: str, **query: str) -> list[str]:
        return answer(self.engine, f"/{page}?{urlencode(query)}", self.host, self.port).splitlines()


def store_of(engine: DockerEngine, service: str) -> Store:
    """The VictoriaMetrics of a service that has a task on this engine."""
    label = f"label=com.docker.swarm.service.name={service}"
    container = engine.docker("ps", "--quiet", "--no-trunc", "--filter", label)
    (bridge,) = json.loads(engine.docker("network", "inspect", "docker_gwbridge"))
    address: str = bridge["Containers"][container]["IPv4Address"]
    return Store(engine, address.partition("/")[0], 8428)


def _stored(line: str) -> Stored:
    one = json.loads(line)
    kept = [
        (at / 1000, value)
        for at, value in zip(one["timestamps"], one["values"], strict=True)
        if value is not None
    ]
    return Stored(one["metric"], [at for at, _ in kept], [value for _, value in kept])
