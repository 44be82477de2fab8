r"""From bytes as they come to whole JSON documents, however the chunks were cut.

Engines end each document with a newline, which the API does not promise; chunks and documents
need not match. A newline never stands inside a document, so it always ends what came before it;
documents that touch without one are told apart by their braces.
"""

import re
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

LONGEST = 4 * 2**20
"""More bytes than this without an end are no document of an engine."""

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|[{}]', re.DOTALL)


def untaken(_chunk: bytes) -> bool:
    """Each chunk is to be decoded."""
    return False


class Framing(Generic[T]):
    """Feed it chunks; it gives the documents they complete, decoded.

    What is no document goes to ``garbage`` and the stream goes on behind it. One decode for each
    document in the usual case (one line); only lines that fail are looked at brace by brace.
    """

    __slots__ = ("_decode", "_garbage", "_rest")

    def __init__(
        self, decoder: msgspec.json.Decoder[T], garbage: Callable[[bytes, str], None]
    ) -> None:
        self._decode, self._garbage = decoder.decode, garbage
        self._rest = b""

    def whole(self, chunk: bytes) -> T | None:
        """The document that this chunk is, if it is one line and nothing waits for its end.

        So it is in the usual case. Otherwise the chunk has to be fed.
        """
        if self._rest or chunk.find(b"\n") != len(chunk) - 1:
            return None
        try:
            return self._decode(chunk)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def feed(self, chunk: bytes) -> list[T]:
        """The documents completed by this chunk, in order."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        documents: list[T] = []
        for line in lines:
            self._decode_line(line, documents)
        self._rest = rest
        if rest.endswith(b"}"):
            self._rest = self._decode_objects(rest, documents)
        elif len(rest) > LONGEST:
            self._garbage(rest, "no end")
            self._rest = b""
        return documents

    def finish(self) -> list[T]:
        """The end of the stream: what is left is a document, or garbage."""
        documents: list[T] = []
        self._decode_line(self._rest, documents)
        self._rest = b""
        return documents

    def _decode_line(self, line: bytes, documents: list[T]) -> None:
        if not line.strip():
            return
        try:
            documents.append(self._decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            rest = self._decode_objects(line, documents)
            if rest.strip():
                self._garbage(rest, str(error))

    def _decode_objects(self, data: bytes, documents: list[T]) -> bytes:
        """Decode the whole objects in ``data``; give back what follows the last of them."""
        end = depth = start = 0
        for match in _STRUCTURE.finditer(data):
            mark = match[0]
            if mark == b"{":
                start = match.start() if depth == 0 else start
                depth += 1
            elif mark == b"}" and depth:
                depth -= 1
                if depth == 0:
                    self._decode_object(data, end, start, match.end(), documents)
                    end = match.end()
        return data[end:]

    def _decode_object(
        self, data: bytes, behind: int, start: int, end: int, documents: list[T]
    ) -> None:
        if data[behind:start].strip():
            self._garbage(data[behind:start], "not JSON")
        try:
            documents.append(self._decode(data[start:end]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._garbage(data[start:end], str(error))


class Handing(Framing[T]):
    """Hands each document to ``take`` as soon as it is whole, instead of giving lists.

    With it goes the line it was, or nothing if it came in pieces. A chunk that ``again`` takes is
    not decoded.
    """

    __slots__ = ("_again", "_take")

    def __init__(
        self,
        decoder: msgspec.json.Decoder[T],
        take: Callable[[T, bytes], None],
        garbage: Callable[[bytes, str], None],
        again: Callable[[bytes], bool] = untaken,
    ) -> None:
        super().__init__(decoder, garbage)
        self._take, self._again = take, again

    def hand(self, chunk: bytes) -> None:
        """Hand over what this chunk completes."""
        if not self._rest and self._again(chunk):
            return
        whole = self.whole(chunk)
        if whole is not None:
            self._take(whole, chunk)
            return
        for document in self.feed(chunk):
            self._take(document, b"")

    def hand_rest(self) -> None:
        """The end of the stream: hand over what is left."""
        for document in self.finish():
            self._take(document, b"")
