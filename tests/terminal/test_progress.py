"""The line of progress, and the lines that stay above it."""

import io

from tidegauge.terminal.progress import Progress


class Terminal(io.StringIO):
    """Keeps what was written to it."""

    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    """A terminal, or a pipe, at whose other end nobody is any more."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_the_line_is_redrawn_in_place_and_taken_away() -> None:
    """Only changes are written; nothing is left at the end."""
    terminal = Terminal()
    progress = Progress(terminal, 80)
    for line in ("one", "one", "two"):
        progress.show(line)
    progress.done()
    progress.done()
    assert terminal.getvalue() == "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[K"


def test_a_line_that_stays_comes_above() -> None:
    """The log and the progress never share a row."""
    terminal = Terminal()
    progress = Progress(terminal, 80)
    progress.write_line("before")
    progress.show("wait")
    progress.write_line("log")
    progress.done()
    progress.write_line("after")
    assert terminal.getvalue() == "before\n\r\x1b[Kwait\r\x1b[Klog\nwait\r\x1b[Kafter\n"


def test_a_long_line_is_cut_to_one_row() -> None:
    """A wrapped line could not be taken away."""
    terminal = Terminal()
    Progress(terminal, 10).show("漢字漢字漢字")
    assert terminal.getvalue() == "\r\x1b[K漢字漢字…"


def test_without_a_terminal_only_lines_that_stay_are_written() -> None:
    """A file gets no control characters."""
    file = io.StringIO()
    progress = Progress(file, 80)
    progress.show("wait")
    progress.write_line("log")
    progress.done()
    assert file.getvalue() == "log\n"


def test_a_reader_that_went_away_stops_nothing() -> None:
    """The monitor goes on without its log."""
    progress = Progress(Gone(), 80)
    progress.show("wait")
    progress.write_line("log")
    progress.done()
