"""One line that says what is being waited for, redrawn in place; only on a terminal."""

import contextlib
import shutil
from typing import TextIO

from tidegauge.terminal.text import cut

ERASE = "\r\x1b[K"


class Progress:
    """Shows a line until `done`; prints nothing where the output is no terminal.

    Lines of the log are written through it too, so that the two never share a row.
    """

    def __init__(self, stream: TextIO, columns: int | None = None) -> None:
        self._stream = stream
        self._columns = shutil.get_terminal_size().columns if columns is None else columns
        self.terminal = stream.isatty()
        self._shown = ""

    def show(self, line: str) -> None:
        """Replace the line."""
        line = cut(line, self._columns - 1)  # a full row would wrap, and then not be erased
        if self.terminal and line != self._shown:
            self._put(ERASE + line)
            self._shown = line

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            self._put(ERASE)
            self._shown = ""

    def write_line(self, line: str) -> None:
        """Write a line that stays, above the one that shows progress."""
        above, below = (ERASE, self._shown) if self._shown else ("", "")
        self._put(f"{above}{line}\n{below}")

    def _put(self, text: str) -> None:
        # A log that nobody reads any more (a closed pipe, a full disk) stops no monitor.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()
