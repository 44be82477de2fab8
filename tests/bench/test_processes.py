"""What is read of a process is what the kernel says, whatever its program is called."""

import processes

STAT = (
    "4711 (a) b (c)) S 42 4711 4711 0 -1 4194560 2000 300 0 0 1234 66 50 25 20 0 3 0 100 9 9"
    " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0"
)

STATUS = """\
Name:\tpython
Tgid:\t4711
VmRSS:\t   45678 kB
Threads:\t3
Cpus_allowed_list:\t0-1
voluntary_ctxt_switches:\t1234
nonvoluntary_ctxt_switches:\t5
"""


def test_a_name_with_brackets_moves_no_field() -> None:
    """The fields are counted from behind the last bracket."""
    found = processes.parse_stat(STAT)

    assert found.parent == 42
    assert found.cpu == 1300 / processes.TICKS
    assert found.reaped == 75 / processes.TICKS


def test_numbers_of_a_status_are_found_by_name() -> None:
    """Of a line with a unit the number is taken, and a list is no number."""
    found = processes.parse_status(STATUS)

    assert found["VmRSS"] == 45678
    assert found["voluntary_ctxt_switches"] == 1234
    assert "Name" not in found
    assert "Cpus_allowed_list" not in found


def test_a_tree_is_all_below_its_root() -> None:
    """Children of children count, and neighbours do not."""
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20}

    assert processes.descendants(10, parents) == {10, 11, 12}
    assert processes.descendants(21, parents) == {21}


def test_what_has_ended_takes_nothing() -> None:
    """A process that is gone between two looks is no error."""
    assert processes.usage([2**22 + 1]) == (0, 0, 0, 0)
