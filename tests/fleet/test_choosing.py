"""Which engines count, as queries say it."""

import re

from tidegauge.fleet.agents import Place
from tidegauge.fleet.choosing import LONGEST, SHORT, Choice, choices, matchers_of, parted
from tidegauge.fleet.machines import Node

SCRAPED = [Node(Place("", f"10.0.{n // 250}.{n % 250}:8470", "j"), "local") for n in range(1000)]


def test_nodes_are_named_in_few_selectors():
    """One for all that differ in their address only; names are quoted."""
    (text,) = matchers_of(SCRAPED[:40])

    assert text.startswith('host="",job="j",engine="local",instance=~"10\\\\.0\\\\.0\\\\.0:8470|')
    assert text.count("|") == 39
    (odd,) = matchers_of([Node(Place('a"b|c\\', "", ""), "local")])
    assert re.fullmatch(r'instance="",job="",engine="local",host=~"a\\"b\\\\\|c\\\\\\\\"', odd)


def test_few_that_are_left_out_are_named():
    """All others count, whether they are known or not."""
    left_out, jumping = frozenset(SCRAPED[:20]), frozenset(SCRAPED[20:25])

    (choice,) = choices(SCRAPED, left_out, jumping, LONGEST)

    assert choice == Choice((), sorted(left_out), sorted(jumping))


def test_of_many_that_are_left_out_the_others_are_named_each_once():
    """In as many parts as it takes; none is longer than a query may be."""
    left_out, jumping = frozenset(SCRAPED[::2]), frozenset(SCRAPED[1:100:4])

    for longest in (LONGEST, SHORT):
        found = choices(SCRAPED, left_out, jumping, longest)

        assert sorted(node for each in found for node in each.only) == sorted(SCRAPED[1::2])
        assert {node for each in found for node in each.unrated} == jumping
        assert all(set(each.unrated) <= set(each.only) and not each.without for each in found)
        assert max(len("".join(matchers_of(each.only))) for each in found) <= longest
        assert len(found) <= 500 * 30 / longest + 1


def test_a_place_is_in_one_part_whole():
    """So that a host with two engines is counted as one host; others are named on their own."""
    nodes = [Node(Place(f"h{n}", f"a{n}:1", "j"), each) for n in range(99) for each in ("a", "b")]

    parts = parted(nodes, LONGEST)

    places = [{node.place for node in part} for part in parts]
    assert sum(map(len, places)) == len(set.union(*places)) == 99
    assert len(parts) > 1
    assert max(len("".join(matchers_of(part))) for part in parts) <= LONGEST
