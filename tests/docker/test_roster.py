"""Who is there and which streams they ask for: pure decisions on lists."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import Container, Engine, HostConfig, ListedContainer
from tidegauge.docker.roster import ALIASES_KEPT, Generations, alive, plan, present

ENGINE = Engine("local")
EVERYTHING = Choice({}, ["**"], [])
BORN = datetime(2026, 1, 1, tzinfo=UTC)


def listed(name, number=1, state="running", **fields):
    return ListedContainer(id=f"{number:064x}", names=[f"/{name}"], state=state, **fields)


def container(name, number=1, **fields):
    return Container(ENGINE, f"{number:064x}", name, name, **fields)


def known(*containers):
    return {each.id: each for each in containers}


def test_the_chosen_containers_and_their_states_are_present():
    """Stopped ones too; health is read from the status text; what is not chosen is not there."""
    found = present(
        ENGINE,
        Choice({}, ["**"], ["no"]),
        [
            listed("web", 1, status="Up 5 minutes (healthy)"),
            listed("new", 2, status="Up 1 second (health: starting)"),
            listed("done", 3, "exited", status="Exited (0) 1 hour ago"),
            listed("no", 4),
        ],
        {},
    )

    assert [(each.container.alias, each.state, each.health) for each in found] == [
        ("web", "running", "healthy"),
        ("new", "running", "starting"),
        ("done", "exited", None),
    ]
    assert [each.alias for each in alive(found)] == ["web", "new"]


def test_podmans_words_for_states_become_dockers():
    """A container that takes its time to stop runs until then, and its stream stays open."""
    states = ("stopping", "stopped", "configured", "initialized", "dead")
    podmans = [listed(state, number, state) for number, state in enumerate(states)]
    found = present(ENGINE, EVERYTHING, podmans, {})

    assert [each.state for each in found] == ["running", "exited", "created", "created", "dead"]
    assert [each.alias for each in alive(found)] == ["stopping"]


def test_labels_become_tags():
    """Compose and Swarm ones by themselves, others under the names the configuration gives."""
    choice = Choice({}, ["**"], [], {"team": "owner"})
    labels = {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "2",
        "team": "a",
        "other": "b",
    }

    (found,) = present(ENGINE, choice, [listed("web", labels=labels)], {})

    assert dict(found.container.tags) == {
        "project": "shop",
        "service": "web",
        "replica": "2",
        "owner": "a",
    }


def test_what_is_known_of_a_birth_is_kept():
    """A list does not tell it, so the next one must not take it away."""
    web = container("web", started_at=BORN)

    (found,) = present(ENGINE, EVERYTHING, [listed("web")], known(web))

    assert found.container == web


def test_a_container_of_which_nothing_changed_is_the_same_object():
    """Its samples go on as before, whatever else made the engine list its containers."""
    before = container("web", started_at=BORN)
    same, other = (
        present(Engine("local"), EVERYTHING, [listed(name)], known(before))[0].container
        for name in ("web", "renamed")
    )

    assert same is before
    assert other.started_at == BORN


def test_two_containers_never_share_an_alias():
    """The one not known before carries its id, whatever the order of the list."""
    choice = Choice({"a": "b"}, ["**"], [])
    old = container("b", 2)

    found = present(ENGINE, choice, [listed("a", 1), listed("b", 2)], known(old))

    assert [each.container.alias for each in found] == ["b", "b-000000000000"]
    assert found[0].container == old


def test_one_of_those_with_one_network_counts_its_traffic():
    """Its owner, or else the first that runs; a container that is named by mode is found too."""
    shared = HostConfig("container:web")
    some = [
        listed("old", 1, "exited", host_config=HostConfig("container:gone")),
        listed("one", 2, host_config=HostConfig("container:gone")),
        listed("two", 3, host_config=HostConfig("container:gone")),
        listed("web", 4, host_config=HostConfig("bridge")),
        listed("side", 5, host_config=shared),
    ]

    found = present(ENGINE, EVERYTHING, some, {})

    names = {each.container.id: each.container.name for each in found}
    assert {each.container.name: names.get(each.container.network_of) for each in found} == {
        "old": "one",
        "one": None,
        "two": "one",
        "web": None,
        "side": "web",
    }


def test_a_plan_opens_what_is_new_and_closes_what_is_gone():
    """Running ones are opened, stopped and vanished ones closed, the rest left alone."""
    web, old, done = container("web", 1), container("old", 2), container("done", 4)
    before = known(web, old, done)
    lists = [listed("web", 1), listed("new", 3), listed("done", 4, "exited")]

    changes = plan(present(ENGINE, EVERYTHING, lists, before), before, before)

    assert [each.alias for each in changes.open] == ["new"]
    assert changes.close == (old.id, done.id)
    assert [(each.container, each.gone) for each in changes.gone] == [(old, True)]


def test_a_rename_closes_and_opens_under_the_new_name():
    """The old alias is gone and gets no more samples."""
    web = container("web")

    changes = plan(
        present(ENGINE, EVERYTHING, [listed("web2")], known(web)), known(web), known(web)
    )

    assert [each.alias for each in changes.open] == ["web2"]
    assert changes.close == (web.id,)
    assert [each.container.alias for each in changes.gone] == ["web"]


def test_a_birth_learned_later_moves_no_stream():
    """Only who a container is decides, not what was learned of it."""
    web = container("web")
    learned = replace(web, started_at=BORN)

    changes = plan(
        present(ENGINE, EVERYTHING, [listed("web")], known(learned)), known(learned), known(web)
    )

    assert changes.open == ()
    assert changes.close == ()


def linked(generations, *listed):
    """The aliases of a list that another container had before, and the numbers of both."""
    return {
        each.container.alias: (int(each.before, 16), int(each.container.id, 16))
        for each in generations.link(present(ENGINE, EVERYTHING, listed, {}))
        if each.before
    }


def test_a_container_made_anew_is_linked_with_the_one_before():
    """Once, however long nobody had the alias; one that is only restarted is not."""
    generations = Generations()

    assert linked(generations, listed("web", 1), listed("db", 2)) == {}
    assert linked(generations, listed("web", 1, "exited"), listed("db", 2)) == {}
    assert linked(generations, listed("db", 2)) == {}
    assert linked(generations, listed("web", 3, "created"), listed("db", 2)) == {"web": (1, 3)}
    assert linked(generations, listed("web", 3), listed("db", 2)) == {}


@pytest.mark.parametrize(
    "steps",
    [
        # Compose v1: the old one out of the way, a new one in its place, the old one removed.
        [{1: "1_web"}, {1: "1_web", 2: "web"}, {2: "web"}],
        # Compose v2: a new one beside it, the old one removed, the new one into its place.
        [{1: "web", 2: "1_web"}, {2: "1_web"}, {2: "web"}],
        # Either, when only its end is seen.
        [{2: "web"}],
    ],
)
def test_a_recreation_by_compose_is_linked_once(steps):
    """Whatever the names in between."""
    generations = Generations()
    assert linked(generations, listed("web", 1)) == {}

    found = [
        linked(generations, *(listed(name, number) for number, name in step.items()))
        for step in steps
    ]

    assert [each["web"] for each in found if "web" in each] == [(1, 2)]


def test_aliases_nobody_has_are_forgotten_in_the_end():
    """The oldest first; those of the present list never."""
    generations = Generations()
    linked(generations, listed("oldest", 1), listed("stays", 2))
    for number in range(3, ALIASES_KEPT + 4):
        linked(generations, listed(f"c{number}", number), listed("stays", 2))

    back = [listed(name, 9999) for name in ("oldest", "c4")]

    assert linked(generations, listed("stays", 2), back[0]) == {}
    assert linked(generations, listed("stays", 8888), back[1]) == {
        "stays": (2, 8888),
        "c4": (4, 9999),
    }
