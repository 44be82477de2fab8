"""One engine of each kind for all tests, which name their containers so that others can tell."""

from collections.abc import Iterator

import pytest

from servers.engine import DockerEngine
from servers.newer import Docker26, Podman5
from servers.podman import Podman


def _started(require, kind: type[DockerEngine]) -> Iterator[DockerEngine]:
    require(kind)
    with kind() as engine:
        yield engine


@pytest.fixture(scope="session", params=[Podman, Podman5, Docker26])
def engine(request, require) -> Iterator[DockerEngine]:
    """Each engine in turn."""
    yield from _started(require, request.param)


@pytest.fixture(scope="session", params=[Podman, Podman5])
def podman(request, require) -> Iterator[Podman]:
    """Each Podman in turn."""
    yield from _started(require, request.param)
