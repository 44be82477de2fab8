"""Log lines in every form: level, time, sentence, facts."""

import json
import re
from typing import Any

import pytest

from tidegauge.config import LogOptions
from tidegauge.journal import Journal
from tidegauge.logs import open_log

UNIVERSAL = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
LOCAL = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"


class Lines:
    """A log that keeps its lines."""

    def __init__(self, form: Any = "auto", level: Any = "info", *, terminal: bool = False) -> None:
        self.written: list[str] = []
        options = LogOptions(format=form, level=level)
        self.log = open_log(options, self.written.append, terminal=terminal, colours=terminal)
        self.journal = Journal(self.log)

    def one(self) -> str:
        (line,) = self.written
        return line


def test_a_file_gets_logfmt() -> None:
    """Time in UTC, level, sentence, facts, all on one line."""
    lines = Lines()
    lines.log.info("engine answers", engine="local", text='a "b"\nc', yes=True, none=None)
    stamp, _, rest = lines.one().partition(" ")
    assert re.fullmatch(f"timestamp={UNIVERSAL}", stamp)
    assert rest == (
        r'level=info event="engine answers" engine=local text="a \"b\"\\nc" yes=true none='
    )


def test_a_terminal_gets_colours_and_its_own_time() -> None:
    """A sentence in a line, without columns of blanks."""
    lines = Lines(terminal=True)
    lines.log.warning("no engine at x.", code="engine_lost")
    plain = re.sub(r"\x1b\[[\d;]*m", "", lines.one())
    assert plain != lines.one()
    assert re.fullmatch(rf"{LOCAL} \[warning\] no engine at x\. code=engine_lost", plain)


def test_the_form_for_people_has_no_colours_in_a_file() -> None:
    """As configured, whatever the output is."""
    lines = Lines("console")
    lines.log.info("stopped", engine_lost=3)
    assert re.fullmatch(rf"{LOCAL} \[info\] stopped engine_lost=3", lines.one())


def test_json_holds_everything() -> None:
    """One object a line, in UTC, with any characters."""
    lines = Lines("json", terminal=True)
    lines.log.info("gärage\x1b", container="漢\n")
    document = json.loads(lines.one())
    assert re.fullmatch(UNIVERSAL, document.pop("timestamp"))
    assert document == {"event": "gärage\x1b", "level": "info", "container": "漢\n"}
    assert "\n" not in lines.one()


@pytest.mark.parametrize("form", ["logfmt", "console"])
def test_nothing_in_a_message_reaches_the_cursor(form: str) -> None:
    """Names and other programs' words are shown, not obeyed."""
    lines = Lines(form)
    lines.log.info("said \x1b[2J\r\n", begins="\x07\x9b")
    assert lines.one().isprintable()


def test_levels_below_the_chosen_one_are_not_written() -> None:
    """Troubles are warnings, what goes well is information."""
    lines = Lines(level="warning")
    lines.journal.told("engine answers")
    lines.journal.trouble("engine lost", "no engine.")
    assert "level=warning" in lines.one()
