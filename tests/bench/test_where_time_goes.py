"""A profile by function: what it takes itself, and with what it calls."""

from where_time_goes import Share, shares, table

STACKS = """\
main (a.py);run (a.py);decode (b.py) 6
main (a.py);run (a.py) 1
main (a.py);run (a.py);run (a.py);decode (b.py) 3
"""


def test_a_function_counts_once_in_a_stack() -> None:
    """Also one that calls itself."""
    assert shares(STACKS) == [
        Share("decode (b.py)", 90.0, 90.0),
        Share("run (a.py)", 10.0, 100.0),
    ]


def test_waiting_is_no_work() -> None:
    """A thread without work, and a loop in which nothing is due."""
    waits = """\
run (a.py);_worker (concurrent/futures/thread.py:69) 50
run (a.py);EpollSelector.select (selectors.py:451) 40
"""
    assert shares(waits + STACKS) == shares(STACKS)


def test_nothing_was_done() -> None:
    """A profile without samples is an empty one."""
    assert shares("") == []


def test_functions_are_in_a_table() -> None:
    """With one digit behind the point."""
    assert table([Share("decode (b.py)", 66.666, 90)]).splitlines()[2] == (
        "| `decode (b.py)` | 66.7 % | 90.0 %     |"
    )
