"""Engines of a newer Debian, which stands in a folder that the set-up makes."""

from pathlib import Path

from servers.engine import DockerEngine
from servers.podman import Podman

ROOT = Path(__file__).parent.parent.parent / ".cache/engines/trixie"


def _lack() -> str:
    if lack := DockerEngine.missing():
        return lack
    return "" if (ROOT / ".installed").exists() else f"no newer Debian in {ROOT}"


class Docker26(DockerEngine):
    """Docker 26 of Debian 13."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        return _lack()

    def __init__(self, name: str = "docker-26") -> None:
        super().__init__(name, root=ROOT)


class Podman5(Podman):
    """Podman 5 of Debian 13."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        return _lack()

    def __init__(self, name: str = "podman-5") -> None:
        super().__init__(name, root=ROOT)
