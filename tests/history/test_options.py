"""What can be set of the history, and where its file is."""

from pathlib import Path

import pytest

from manual_clock import ManualClock
from snapshots import a_journal
from tidegauge.config import load
from tidegauge.errors import ConfigError
from tidegauge.history import fast
from tidegauge.history.opening import open_history
from tidegauge.history.options import HistoryOptions, path_of
from tidegauge.history.tiers import TIERS

HOUR = 3_600_000


def loaded(tmp_path, text, **variables):
    path = tmp_path / "x.toml"
    path.write_text(text)
    return load(path, variables).options.history


def test_everything_is_kept_for_its_time(tmp_path):
    """By the names of the tiers."""
    options = loaded(
        tmp_path,
        '[history]\nsize = "64MiB"\n[history.retention]\nraw = "2h"\n10s = "1d"\n',
        TIDEGAUGE_HISTORY_RETENTION_1M="10d",
        TIDEGAUGE_HISTORY_PATH="/x/y",
    )
    assert options.path == "/x/y"
    assert options.kept.size == 2**26
    assert options.kept.kept == {
        "raw": 2 * HOUR,
        "10s": 24 * HOUR,
        "1m": 240 * HOUR,
        "10m": 730 * 24 * HOUR,
    }
    assert options.kept.kept.keys() == {tier.name for tier in TIERS}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[history.retention]\nraw = "10m"', r"history\.retention\.raw must be at least 1h, not"),
        ('[history]\nsize = "1MiB"', r'history\.size must be at least 16MiB, not "1MiB"'),
        ('[history]\ncodec = "best"', r'must be one of "fast", "standard", not "best"'),
        ('[history.retention]\n5s = "1d"', r"history\.retention\.5s"),
    ],
)
def test_what_cannot_be_is_a_mistake(tmp_path, text, sentence):
    """In one sentence."""
    with pytest.raises(ConfigError, match=sentence):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("environ", "root", "path"),
    [
        ({"HOME": "/home/a"}, False, "/home/a/.local/state/tidegauge/history.db"),
        ({"HOME": "/root"}, True, "/var/lib/tidegauge/history.db"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/s"}, True, "/s/tidegauge/history.db"),
        ({"HOME": "/h", "XDG_STATE_HOME": "s"}, False, "/h/.local/state/tidegauge/history.db"),
        ({"XDG_STATE_HOME": "/s", "STATE_DIRECTORY": "/a:/b"}, False, "/a/history.db"),
    ],
)
def test_the_usual_place(environ, root, path):
    """Of a service, of the user, of root."""
    assert path_of(HistoryOptions(), environ, root=root) == Path(path)
    assert path_of(HistoryOptions(path="h.db"), environ, root=root) == Path("h.db")


def test_there_may_be_no_place():
    """As in a container without a home."""
    with pytest.raises(ConfigError, match=r"set history\.path, or history\.enabled = false"):
        path_of(HistoryOptions(), {}, root=False)


def test_nothing_is_opened_before_it_runs(tmp_path, monkeypatch):
    """A codec that is not installed is a mistake of the user's."""
    journal, clock = a_journal()[0], ManualClock()
    kept = open_history(HistoryOptions(codec="fast"), tmp_path / "x" / "h.db", clock, journal)
    assert kept.recorder.path == tmp_path / "x" / "h.db"
    assert [*tmp_path.iterdir()] == []
    monkeypatch.setattr(fast, "find_spec", lambda _: None)
    assert fast.codecs(fast=False) == (fast.STANDARD,)
    with pytest.raises(ConfigError, match=r'history\.codec .* pip install "tidegauge\[fast\]"'):
        open_history(HistoryOptions(codec="fast"), tmp_path / "h.db", clock, journal)
