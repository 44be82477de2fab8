"""Engines with settings of their own."""

import pytest

from servers.engine import DockerEngine


@pytest.fixture
def docker_engine_with_live_restore(docker_engine):
    """An engine whose containers outlive its daemon; asks for the shared one to be possible."""
    with DockerEngine("survivor", options=("--live-restore",)) as engine:
        yield engine
