"""How containers of this machine are read: what may be set, and the sentence for each mistake."""

from pathlib import Path

import pytest

from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.config import EngineOptions, load
from tidegauge.errors import ConfigError
from tidegauge.here import direct_of


def engine(tmp_path: Path, text: str) -> EngineOptions:
    path = tmp_path / "tidegauge.toml"
    path.write_text(f"[[engines]]\n{text}\n", encoding="utf-8")
    return load(path, {}).options.engines[0]


def test_what_is_taken(tmp_path: Path) -> None:
    """A source, a pace, and paces of chosen containers."""
    text = 'source = "cgroup"\ninterval = "100ms"\nintervals = { "db-*" = "250ms", web = 2 }'

    read = engine(tmp_path, text)

    assert (read.source, read.interval) == ("cgroup", 0.1)
    assert read.intervals == {"db-*": 0.25, "web": 2.0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('source = "kernel"', 'must be one of "api", "auto", "cgroup", not "kernel"'),
        ('interval = "50ms"', 'must be at least 100ms, not "50ms"'),
        ('interval = "1m"', 'must be at most 10s, not "1m"'),
        ('intervals = { web = "1ms" }', 'must be at least 100ms, not "1ms"'),
        ('intervals = "1s"', 'must be a table, not "1s"'),
    ],
)
def test_mistakes(text: str, sentence: str, tmp_path: Path) -> None:
    """Each is a sentence that names the key and what it may be."""
    with pytest.raises(ConfigError) as caught:
        engine(tmp_path, text)

    assert sentence in str(caught.value)
    assert "engines" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "address", "here"),
    [
        ("auto", "unix:///run/docker.sock", True),
        ("auto", "tcp://127.0.0.1:2375", False),
        ("auto", "ssh://host", False),
        ("auto", "demo://", False),
        ("cgroup", "tcp://127.0.0.1:2375", True),
        ("cgroup", "demo://", False),
        ("api", "unix:///run/docker.sock", False),
    ],
)
def test_which_engines_are_looked_for_here(source: str, address: str, here: bool) -> None:
    """Those on a socket of this machine; another one only if that is wanted, and none made up."""
    journal, _ = a_journal()
    found = direct_of(EngineOptions(source=source), address, ManualClock(), journal)

    assert (found is not None) == here
