"""Samples of a stream in which nothing moves wait together, and are told in order."""

from datetime import datetime

from fakes.sleeping import SLEEPING, line_at
from manual_clock import ManualClock
from recorded import a_container, decode
from tidegauge.docker.attention import Notice
from tidegauge.docker.frames import Container, Sample, StatsFrame, Still
from tidegauge.docker.held import MOST_WAITING, WAIT_SECONDS, Held, Joined

WEB = a_container(id="c" * 64)
FRAMES = [decode(line) for line in SLEEPING]


def moved(second: int) -> bytes:
    """The same with another number in it."""
    return line_at(second).replace(b'"rss":', b'"rss":9')


class Holds:
    """Who holds it, and what is told: at which seconds samples were made, together or alone."""

    def __init__(self, *, calm: bool = True) -> None:
        self.known: dict[str, Container] = {WEB.id: WEB}
        self.clock, self.calm = ManualClock(), calm
        self.told: list[Sample | Still] = []
        self.notices: list[Notice] = []
        joined = Joined(self, None, lambda: False)  # type: ignore[arg-type]
        self.held = Held(WEB, self, joined)

    def send_nowait(self, seen: Sample | Still) -> None:
        self.told.append(seen)

    def run_over(self, held: Held, *, reached: bool) -> None:
        raise AssertionError

    def garbage(self, subject: str, data: bytes, error: str) -> None:
        raise AssertionError

    def notice(self, notice: Notice, held: Held) -> None:
        self.notices.append(notice)

    def comes(self, *lines: bytes) -> None:
        """As a stream gives them."""
        for line in lines:
            if not self.held.take_again(line):
                self.held.take(decode(line), line)

    @property
    def seconds(self) -> list[int | list[int]]:
        return [
            [second_of(read) for read in each.reads]
            if isinstance(each, Still)
            else second_of(each.frame.read)
            for each in self.told
        ]


def second_of(read: datetime) -> int:
    return read.minute * 60 + read.second


def test_what_is_told_is_what_the_lines_say() -> None:
    """Each of a recorded stream, with its time and its capacity."""
    holds = Holds()
    holds.comes(*SLEEPING)
    holds.held.tell_waiting()

    first, second, still = holds.told
    assert [first, second] == [
        Sample(WEB, frame, line) for frame, line in zip(FRAMES[:2], SLEEPING[:2], strict=True)
    ]
    assert isinstance(still, Still)
    assert still.frame == FRAMES[1]
    assert [each.frame for each in still.samples()] == FRAMES[2:]
    assert len(FRAMES[2:]) == 6


def test_they_wait_while_nobody_is_in_a_hurry() -> None:
    """The first two are told, for they show that it sleeps; then one that moved tells the rest."""
    holds = Holds()
    holds.comes(*map(line_at, range(6)))
    assert holds.seconds == [0, 1]

    holds.comes(moved(6), moved(7), moved(8))
    assert holds.seconds == [0, 1, [2, 3, 4, 5], 6]
    holds.held.tell_waiting()
    assert holds.seconds == [0, 1, [2, 3, 4, 5], 6, [7, 8]]
    holds.held.tell_waiting()
    assert len(holds.told) == 5


def test_they_do_not_wait_for_somebody_who_is() -> None:
    """What had waited until then is told with the next one."""
    holds = Holds(calm=False)
    holds.comes(*map(line_at, range(4)))
    assert holds.seconds == [0, 1, [2], [3]]

    holds.calm = True
    holds.comes(line_at(4), line_at(5))
    assert holds.seconds == [0, 1, [2], [3]]
    holds.calm = False
    holds.comes(line_at(6))
    assert holds.seconds == [0, 1, [2], [3], [4, 5, 6]]


def test_they_wait_twenty_seconds_at_most() -> None:
    """By the engine's clock."""
    holds = Holds()
    holds.comes(*map(line_at, range(50)))

    assert WAIT_SECONDS == 20
    assert holds.seconds == [0, 1, [*range(2, 23)], [*range(23, 44)]]


def test_a_clock_that_was_set_back_is_not_waited_for() -> None:
    """That is told at once, in the order it came in."""
    holds = Holds()
    holds.comes(*map(line_at, (100, 101, 102, 103, 40, 41, 42)))

    assert holds.seconds == [100, 101, [102, 103, 40]]


def test_few_wait_whatever_the_engine_says_of_time() -> None:
    """The same second again and again is no reason to keep more and more."""
    holds = Holds()
    holds.comes(line_at(0), line_at(1), *[line_at(2)] * (3 * MOST_WAITING + 1))

    assert holds.seconds == [0, 1, *[[2] * MOST_WAITING] * 3]


def test_a_sample_that_came_another_way_ends_what_stands() -> None:
    """Read in turn, or in pieces: the next line is decoded, and none is told before others."""
    holds = Holds()
    holds.comes(*map(line_at, range(3)))
    holds.held.take(decode(line_at(3)), b"")
    holds.comes(line_at(4), line_at(5))

    assert holds.seconds == [0, 1, [2], 3, 4]


def test_one_that_works_is_never_waited_for() -> None:
    """And its lines are not kept."""
    holds = Holds()
    for second in range(4):
        holds.comes(line_at(second).replace(b'"total_usage":', b'"total_usage":%d' % (second + 1)))
        assert holds.held.standing is None

    assert holds.seconds == [0, 1, 2, 3]


def test_they_belong_to_the_container_as_it_is_when_they_are_told() -> None:
    """Whoever lists it tells before what waits."""
    holds = Holds()
    holds.comes(*map(line_at, range(4)))
    renamed = a_container(id=WEB.id, alias="shop")
    holds.held.tell_waiting()
    holds.known[WEB.id] = renamed
    holds.comes(line_at(4))
    holds.held.tell_waiting()

    assert [each.container.alias for each in holds.told] == ["web", "web", "web", "shop"]


async def test_one_that_comes_late_is_noticed() -> None:
    """As one is that is decoded."""
    holds = Holds()
    holds.comes(line_at(0), line_at(1), line_at(2))
    await holds.clock.advance(20)
    holds.comes(line_at(3))

    assert holds.notices == ["late"]


def test_an_empty_frame_comes_behind_what_waits() -> None:
    """The end of a run is told behind its last samples."""
    holds = Holds()
    holds.comes(*map(line_at, range(4)))
    holds.held.take(StatsFrame(datetime.fromisoformat("0001-01-01T00:00:00Z")), b"{}")

    assert [type(each) for each in holds.told] == [Sample, Sample, Still, Sample]
    assert holds.held.standing is None
