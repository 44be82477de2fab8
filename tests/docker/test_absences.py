"""Names and filters that no engine meets are told once; what one engine has is not missing."""

from snapshots import a_journal
from tidegauge.docker.absences import Absences
from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import ListedContainer

CHOICE = Choice({"web": "web", "db": "shop-db"}, ["**", "cache-*"], [])

NO_DB = 'no engine has a container "db" yet; it is watched as soon as it appears.'
NO_CACHE = 'the filter "cache-*" matches no container of any engine yet.'


def listed(*names):
    return [
        ListedContainer(id=f"{number:064x}", names=[f"/{name}"])
        for number, name in enumerate(names)
    ]


def absences(*engines, choice=CHOICE):
    journal, sentences = a_journal()
    return Absences(choice, journal, engines), sentences


def test_a_single_engine_is_named():
    """Each absence is told once, and the coming of a named container too."""
    seen, sentences = absences("local")
    for names in (["web"], ["web"], ["web", "db"], ["web", "db"], ["web"]):
        seen.listed("local", listed(*names))

    db = 'engine local has no container "db" yet; it is watched as soon as it appears.'
    cache = 'the filter "cache-*" matches no container of engine local yet.'
    assert sentences == [db, cache, "container appeared", db]


def test_what_one_of_several_engines_has_is_not_missing():
    """The others lack it on every list, and nobody is told."""
    seen, sentences = absences("a", "b")
    for _ in range(3):
        seen.listed("a", listed("web"))
        seen.listed("b", listed("db", "cache-1"))

    assert sentences == []


def test_what_none_of_several_engines_has_is_told_when_all_were_asked():
    """One that cannot be asked is not waited for longer than that shows."""
    seen, sentences = absences("a", "b", "c")
    seen.listed("a", listed("web"))
    seen.away("c")
    assert sentences == []
    seen.listed("b", listed())
    seen.away("c")
    assert sentences == [NO_DB, NO_CACHE]

    seen.listed("c", listed("db"))
    seen.listed("b", listed())

    assert sentences == [NO_DB, NO_CACHE, "container appeared"]


def test_an_engine_that_is_away_from_the_start_holds_nothing_up():
    """Its failure is what was waited for."""
    seen, sentences = absences("a", "b")
    seen.listed("a", listed("web"))
    seen.away("b")

    assert sentences == [NO_DB, NO_CACHE]


def test_what_a_lost_engine_had_is_not_missing():
    """Most likely it has it still."""
    seen, sentences = absences("a", "b")
    seen.listed("a", listed("web", "db", "cache-1"))
    seen.listed("b", listed())
    seen.away("a")
    seen.listed("b", listed())

    assert sentences == []


def test_without_any_list_nothing_is_missing():
    """No engine answers: that is told elsewhere."""
    seen, sentences = absences("a", "b")
    seen.away("a")
    seen.away("b")

    assert sentences == []
