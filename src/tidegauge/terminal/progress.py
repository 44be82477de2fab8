"""One line that says what is being waited for, redrawn in place; only on a terminal."""

from typing import TextIO


class Progress:
    """Shows a line until `done`; prints nothing where the output is no terminal."""

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream, self._width = stream, width
        self._terminal = stream.isatty()
        self._shown = ""

    def show(self, line: str) -> None:
        """Replace the line."""
        line = line if len(line) < self._width else line[: self._width - 2] + "…"
        if self._terminal and line != self._shown:
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
            self._shown = line

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = ""
