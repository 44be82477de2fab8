"""One reply of HTTP/1.1, read from its bytes as they come; nothing here waits or opens anything.

Only what a stream of an engine needs, and strictly: whatever is not that is no engine's. Nothing
of it is kept but what a cut left over, so a thousand open replies take no room.

Source: RFC 9112, sections 4 (status line), 5 (fields), 6.3 (length of a body) and 7.1 (chunks).
"""

import re

from tidegauge.docker.wire import Into, Refusal

HEAD_LONGEST = 32 * 1024
"""Bytes of status line and fields; engines send some 300."""

REFUSAL_LONGEST = 64 * 1024
"""More bytes of a refusal are not kept: it is a sentence."""

_SIZE_LONGEST = 256

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?(?:\r\n|\Z)")
_CODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r\n]*)", re.IGNORECASE)
# At most 4 GiB: a chunk is given away as it comes, so its size is no matter of room.
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_DIGITS = re.compile(rb"\d{1,18}[ \t]*\Z")

_CHUNKED, _COUNTED, _UNTIL_CLOSED = range(3)


class NotHttp(ValueError):
    """What came is no reply as an engine gives one; the text says what is wrong with it."""


class Answer:
    """What comes goes to ``into`` if the status is 200; else ``refusal`` has it at the end."""

    __slots__ = ("_form", "_into", "_kept", "_left", "_rest", "status")

    def __init__(self, into: Into) -> None:
        self._into = into
        self._rest = b""
        self._left: int = 0
        self._form: int = _UNTIL_CLOSED
        self._kept: bytearray | None = None
        self.status = 0

    @property
    def refusal(self) -> Refusal | None:
        """The whole answer, unless its status is 200."""
        return None if self._kept is None else Refusal(self.status, bytes(self._kept))

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; true when the answer is over. Raises `NotHttp`."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at = 0
        while not self.status:
            end = data.find(b"\r\n\r\n", at)
            if end < 0 or end - at > HEAD_LONGEST:
                return self._keep_head(data[at:])
            self._read_head(data[at:end])
            at = end + 4
        if self._form == _CHUNKED:
            return self._feed_chunks(data, at)
        return self._feed_plain(data[at:] if at else data)

    def closed(self) -> bool:
        """The connection has ended; true if that is how this answer ends."""
        return bool(self.status) and self._form == _UNTIL_CLOSED

    def _keep_head(self, begun: bytes) -> bool:
        if len(begun) > HEAD_LONGEST or not b"HTTP/1.".startswith(begun[:7]):
            raise NotHttp("no status line")
        self._rest = begun
        return False

    def _read_head(self, head: bytes) -> None:
        match = _STATUS.match(head)
        if match is None:
            raise NotHttp("no status line")
        status = int(match[1])
        if status < 200:
            return  # more is to come before the answer
        self.status = status
        self._form, self._left = _form_of(status, head)
        if status != 200:
            self._kept = bytearray()

    def _give(self, piece: bytes) -> None:
        if self._kept is None:
            self._into(piece)
        else:
            self._kept += piece[: max(0, REFUSAL_LONGEST - len(self._kept))]

    def _feed_plain(self, data: bytes) -> bool:
        if self._form == _COUNTED:
            data = data[: self._left]
            self._left -= len(data)
        if data:
            self._give(data)
        return self._form == _COUNTED and not self._left

    def _feed_chunks(self, data: bytes, at: int) -> bool:
        """``_left`` counts what is missing of the present chunk, with the line end behind it."""
        end = len(data)
        if not self._left and (size := _SIZE.match(data, at, at + _SIZE_LONGEST)):
            behind = size.end() + int(size[1], 16)
            if behind + 2 == end > size.end() + 2 and data.endswith(b"\r\n"):
                self._give(data[size.end() : behind])  # one whole chunk, as it nearly always is
                return False
        while at < end:
            if not self._left:
                size = _SIZE.match(data, at, at + _SIZE_LONGEST)
                if size is None:
                    return self._keep_size(data[at:])
                at, length = size.end(), int(size[1], 16)
                if not length:
                    return True  # fields may follow, and tell nothing
                self._left = length + 2
            stop = min(at + self._left, end)
            self._feed_part(data, at, stop)
            self._left -= stop - at
            at = stop
        return False

    def _feed_part(self, data: bytes, at: int, stop: int) -> None:
        behind = at + self._left - 2
        if at < behind:
            self._give(data[at : min(stop, behind)])
        seen = data[max(at, behind) : stop]
        if seen != b"\r\n" and not b"\r\n"[at - behind if at > behind else 0 :].startswith(seen):
            raise NotHttp("a chunk without an end")

    def _keep_size(self, begun: bytes) -> bool:
        if len(begun) >= _SIZE_LONGEST or b"\n" in begun:
            raise NotHttp("a chunk without a size")
        self._rest = begun
        return False


def _form_of(status: int, head: bytes) -> tuple[int, int]:
    """How the end of a body is known, and its length where that is told beforehand."""
    if status in {204, 304}:
        return _COUNTED, 0
    if coding := _CODING.search(head):
        if coding[1].strip().lower() != b"chunked":
            raise NotHttp("an unknown coding")
        return _CHUNKED, 0
    if length := _LENGTH.search(head):
        if not _DIGITS.match(length[1]):
            raise NotHttp("a length that is none")
        return _COUNTED, int(length[1])
    return _UNTIL_CLOSED, 0
