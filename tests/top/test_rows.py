"""Which containers are shown, and in what order."""

import pytest
from shown import a_state, a_view

from tidegauge.top.columns import SORTABLE
from tidegauge.top.rows import Choice, rows

CONTAINERS = (
    a_view("web", 0.5, project="shop", service="web", memory=1, state="running"),
    a_view("db", 1.5, project="shop", service="db", memory=3, image="postgres:17"),
    a_view("blog", None, memory=2, state="unknown"),
    a_view("old", None, memory=None, state="exited"),
)


def shown(**choice) -> list[str]:
    found = rows(a_state(*CONTAINERS), Choice(**choice))
    return [row.title or row.containers[0].alias for row in found]


def test_by_default_by_cpu_without_what_does_not_run() -> None:
    """The busiest first; one whose engine is lost is not hidden."""
    assert shown() == ["db", "web", "blog"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("cpu", "db web blog old"),
        ("memory", "db blog web old"),
        ("name", "blog db old web"),
        ("state", "old db web blog"),
        ("project", "db web blog old"),
    ],
)
def test_order(sort, order) -> None:
    """Numbers from the greatest, words from the first, what is not known behind."""
    assert shown(sort=sort, stopped=True) == order.split()


def test_backwards_what_is_not_known_stays_behind() -> None:
    """There is nothing to compare it with."""
    assert shown(sort="cpu", backwards=True, stopped=True) == ["web", "db", "blog", "old"]
    assert shown(sort="name", backwards=True, stopped=True) == ["web", "old", "db", "blog"]


@pytest.mark.parametrize("sort", SORTABLE)
def test_equal_ones_are_in_the_order_of_their_names(sort) -> None:
    """They do not change places each second."""
    state = a_state(*(a_view(alias, 1.0) for alias in "cab"))

    assert [row.key for row in rows(state, Choice(sort))] == ["e/a", "e/b", "e/c"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("SHOP", ["db", "web"]),
        ("shop db", ["db"]),
        ("postgres", ["db"]),
        ("unknown", ["blog"]),
        ("exited", []),
        (" ", ["db", "web", "blog"]),
        ("nothing", []),
    ],
)
def test_filter(wanted, found) -> None:
    """All words, in any case, anywhere in what is known of a container."""
    assert shown(wanted=wanted) == found


def test_groups_by_project_with_what_has_none_behind() -> None:
    """Each has a heading that counts, and its containers in order."""
    assert shown(grouped=True, stopped=True) == (
        ["shop (2)", "db", "web", "no project (2)", "blog", "old"]
    )


def test_a_heading_is_no_container() -> None:
    """It has all of them, and no key."""
    heading, *members = rows(a_state(*CONTAINERS[:2]), Choice(grouped=True))

    assert heading.key == ""
    assert heading.containers == (CONTAINERS[1], CONTAINERS[0])
    assert [row.key for row in members] == ["e/db", "e/web"]
