"""Marks this folder as a root for imports, and lends real servers to the tests that ask.

Where a server cannot run, its tests are skipped with the reason; with CI=true they fail.
"""

import os
from collections.abc import Callable, Iterator
from typing import Protocol

import hypothesis
import pytest

from servers.engine import DockerEngine
from servers.graphite import Graphite
from servers.statsd import Statsd

pytest.register_assert_rewrite("history.conformance")

# A machine under load is no failure: what must be fast has a row in the benchmarks.
hypothesis.settings.register_profile(
    "tests", deadline=None, derandomize=os.environ.get("CI") == "true"
)
hypothesis.settings.load_profile("tests")


# Wherever the tests run, this is a machine; tests that are about containers say so.
os.environ["container"] = ""  # noqa: SIM112 (systemd's name)


class Server(Protocol):
    """A class of `servers`."""

    __name__: str

    def missing(self) -> str: ...


def _require(server: Server) -> None:
    if lack := server.missing():
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"{server.__name__} cannot run here: {lack}")


@pytest.fixture(scope="session")
def require() -> Callable[[Server], None]:
    """For servers that a few tests start themselves."""
    return _require


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """One engine for all tests; each names its containers so that others can tell."""
    _require(DockerEngine)
    with DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def graphite() -> Iterator[Graphite]:
    """One Graphite for all tests."""
    _require(Graphite)
    with Graphite() as server:
        yield server


@pytest.fixture(scope="session")
def statsd(graphite: Graphite) -> Iterator[Statsd]:
    """One StatsD for all tests; it flushes to `graphite` every second."""
    _require(Statsd)
    with Statsd(graphite) as server:
        yield server
