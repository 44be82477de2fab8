"""What ``docker stats`` prints, and its numbers."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from servers.engine import DockerEngine

_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_ROUNDING = 0.006
"""The client prints three or four digits."""


def docker_stats(engine: DockerEngine, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What it prints now of each of these containers."""
    text = engine.docker("stats", "--no-stream", "--format", "{{json .}}", *names)
    return {row["Name"]: row for row in map(json.loads, text.splitlines())}


def percent(text: str) -> float:
    """30.12 from ``30.12%``."""
    return float(text.rstrip("%"))


def size(text: str) -> float:
    """Bytes from ``4.8MB``."""
    found = re.fullmatch(r"([\d.]+)([kKMG]?i?B)", text.strip())
    assert found, text
    return float(found[1]) * _UNITS[found[2]]


def close(text: str) -> Any:
    """Equal to what rounds to this size."""
    return pytest.approx(size(text), rel=_ROUNDING, abs=1)
