"""Lines of a stream that say the same as the one before, but for the time.

So are most of a container that sleeps: only the time of the sample moves on, and what the machine's
CPUs could have given by then. Such a line need not be decoded: its bytes are compared with those of
the last one, for half the price, and all that is done with a frame is done once for many of them.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from tidegauge.docker.frames import Count, Moment

_READ, _BEFORE, _CAPACITY = b'"read":', b',"preread":"', b'"system_cpu_usage":'

_moment = msgspec.json.Decoder(Moment).decode
_count = msgspec.json.Decoder(Count).decode


class Repetition(Struct, frozen=True, gc=False):
    """One line, cut where the next one may differ.

    ``head`` goes up to the time of the sample, ``middle`` from the end of the time before up to
    the capacity, ``between`` from behind it up to that of the sample before, and ``tail`` is the
    rest. The time and the capacity of the sample before are not looked at, as in a frame. A word of
    an engine cannot look like a mark: within a text there is no plain quote.
    """

    head: bytes
    middle: bytes
    between: bytes
    tail: bytes

    @classmethod
    def of(cls, line: bytes) -> "Repetition | None":
        """``None`` for a line that is not as Docker writes it."""
        head, read, rest = line.partition(_READ)
        _, before, rest = rest.partition(_BEFORE)
        _, quote, rest = rest.partition(b'"')
        middle, mark, rest = rest.partition(_CAPACITY)
        _, comma, rest = rest.partition(b",")
        between, again, rest = rest.partition(_CAPACITY)
        _, last, tail = rest.partition(b",")
        if not (read and before and quote and mark and comma and again and last):
            return None
        made = cls(head + read, quote + middle + mark, comma + between + again, last + tail)
        return made if made.again(line) else None

    def again(self, line: bytes) -> tuple[datetime, int] | None:
        """When the sample was taken and the capacity, if all else in its line is the same."""
        head, middle, between, tail = self.head, self.middle, self.between, self.tail
        read = len(head)
        read_end = line.find(_BEFORE, read)
        quote = line.find(b'"', read_end + len(_BEFORE))
        capacity = quote + len(middle)
        comma = line.find(b",", capacity)
        earlier = comma + len(between)
        last = len(line) - len(tail)
        if not (
            read_end > 0
            and line.startswith(middle, quote)
            and line.startswith(between, comma)
            # Nothing else stands behind it: no second line, whose end is the same.
            and line[earlier:last].isdigit()
            and line.endswith(tail)
            and line.startswith(head)
        ):
            return None
        try:
            return _moment(line[read:read_end]), _count(line[capacity:comma])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
