"""One event, one sentence, one counter."""

from snapshots import a_journal
from test_logs import Lines
from tidegauge.journal import TROUBLES_KEPT


def test_a_repeated_trouble_is_told_once_and_counted_always() -> None:
    """By its code and whom it is about."""
    journal, sentences = a_journal()
    for subject in ("a", "b", "a", "a"):
        journal.trouble("stream lost", f"{subject} is lost.", subject)
    assert sentences == ["a is lost.", "b is lost."]
    assert journal.counts == {"stream lost": 4}


def test_what_was_over_is_told_when_it_returns() -> None:
    """And `over` says whether there was anything to be over."""
    journal, sentences = a_journal()
    assert not journal.over("engine lost", "a")
    journal.trouble("engine lost", "lost.", "a")
    assert not journal.over("engine lost", "b")
    assert journal.over("engine lost", "a")
    assert not journal.over("engine lost", "a")
    journal.trouble("engine lost", "lost again.", "a")
    assert sentences == ["lost.", "lost again."]
    assert journal.counts == {"engine lost": 2}


def test_drops_are_counted() -> None:
    """They need no sentence of their own."""
    journal, sentences = a_journal()
    journal.drop("sample out of order")
    journal.drop("sample out of order", 4)
    journal.drop("nothing", 0)
    assert sentences == []
    assert journal.counts == {"sample out of order": 5, "nothing": 0}


def test_where_a_bug_showed_itself_is_for_the_curious() -> None:
    """On one line of level debug, and no count of its own."""
    log = Lines("logfmt", "debug")
    error = ValueError("two\nlines")
    log.journal.traceback(error)

    (line,) = log.written
    assert "level=debug event=traceback" in line
    assert "ValueError: two" in line
    assert log.journal.counts == {}


def test_codes_are_keys_in_the_log() -> None:
    """One word each, in a trouble and in the last line, most frequent first."""
    log = Lines("logfmt")
    log.journal.drop("sample out of order")
    for _ in range(2):
        log.journal.trouble("engine lost", "no engine.", host="h")
    log.journal.stopped()
    assert [line.partition(" ")[2] for line in log.written] == [
        'level=warning event="no engine." code=engine_lost host=h',
        "level=info event=stopped engine_lost=2 sample_out_of_order=1",
    ]


def test_known_troubles_do_not_fill_the_memory():
    """With thousands of short-lived subjects the oldest is forgotten, and told again."""
    journal, sentences = a_journal()
    for number in range(TROUBLES_KEPT + 1):
        journal.trouble("lost", "gone", str(number))
    before = len(sentences)

    journal.trouble("lost", "gone", str(TROUBLES_KEPT))
    assert len(sentences) == before
    journal.trouble("lost", "gone", "0")

    assert len(sentences) == before + 1
