"""Tasks of a Swarm are called by their place in the service, whatever task is there."""

import pytest

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import Container, Engine, ListedContainer
from tidegauge.docker.roster import ALIVE, Generations, present
from tidegauge.docker.tasks import Place, place_of, replaced

ENGINE = Engine("local")
EVERYTHING = Choice({}, ["**"], [])
NODE = "x7ehn9zz21qimx0gd8kqv5g6u"


def task(number, slot="1", state="running", service="shop_web", **fields):
    """As a node lists the container of a task; later ones have higher numbers."""
    key = f"task{number:021}"
    name = f"{service}.{slot}.{key}"
    labels = {
        "com.docker.stack.namespace": "shop",
        "com.docker.swarm.node.id": NODE,
        "com.docker.swarm.service.name": service,
        "com.docker.swarm.task": "",
        "com.docker.swarm.task.id": key,
        "com.docker.swarm.task.name": name,
    }
    known = {"names": [f"/{name}"], "labels": labels, "created": number} | fields
    return ListedContainer(id=f"{number:064x}", state=state, **known)


def shown(listed, known=None):
    """Alias and state of all that are there, and the number of the task."""
    found = present(ENGINE, EVERYTHING, listed, known or {})
    return [(each.container.alias, each.state, int(each.container.id, 16)) for each in found]


def known(listed):
    return {each.container.id: each.container for each in present(ENGINE, EVERYTHING, listed, {})}


@pytest.mark.parametrize(
    ("listed", "place"),
    [
        (task(1), Place("shop_web", "1")),
        (task(1, "12", service="a.b"), Place("a.b", "12")),
        (task(1, NODE), Place("shop_web", "")),
        (task(1, names=["/renamed"]), None),
        (task(1, labels={}), None),
        (ListedContainer(id="a" * 64, names=["/web"], labels=None), None),
    ],
)
def test_a_place_is_what_stays_of_a_tasks_name(listed, place):
    """Service and number; of a global service the service alone; none of other containers."""
    assert place_of(listed) == place


def test_a_task_has_the_tags_that_its_successor_will_have():
    """Nothing of the task itself is in its alias, nor in its tags."""
    (replica,) = present(ENGINE, EVERYTHING, [task(1, "2")], {})
    (globally,) = present(ENGINE, EVERYTHING, [task(1, NODE)], {})

    tags = {"node": NODE, "project": "shop", "service": "shop_web"}
    assert (replica.container.alias, dict(replica.container.tags)) == (
        "shop_web.2",
        tags | {"replica": "2"},
    )
    assert (globally.container.alias, dict(globally.container.tags)) == ("shop_web", tags)


def test_the_configuration_and_the_label_still_name_a_task():
    """Whoever is named gets that name; patterns look at the whole name."""
    listed = task(1)
    labelled = task(2, labels={**(listed.labels or {}), "tidegauge.alias": "front"})

    assert Choice({listed.name: "web"}, [], []).decide(listed).alias == "web"
    assert EVERYTHING.decide(labelled).alias == "front"
    assert Choice({}, ["shop_web.1.*"], []).decide(listed).alias == "shop_web.1"


def test_a_task_that_was_replaced_is_not_there():
    """The next one in the same place goes on under its alias; tasks in other places stay."""
    listed = [task(5), task(4, state="exited"), task(3, state="exited"), task(2, "2")]

    assert shown(listed) == [("shop_web.2", "running", 2), ("shop_web.1", "running", 5)]
    assert replaced(listed, ALIVE) == {listed[1].id, listed[2].id}


def test_of_a_place_in_which_nobody_runs_the_newest_is_told():
    """Until another task is made, and from then on that one."""
    ended = [task(4, state="exited"), task(3, state="exited")]

    assert shown(ended) == [("shop_web.1", "exited", 4)]
    assert shown([task(5, state="created"), *ended], known(ended)) == [("shop_web.1", "created", 5)]


def test_a_task_that_is_started_first_waits_for_the_alias():
    """Until the one before it has ended it bears its id, which nobody is warned of."""
    old, new = task(4), task(5)
    heard = {**known([old]), new.id: Container(ENGINE, new.id, new.name, "shop_web.1")}

    both = present(ENGINE, EVERYTHING, [new, old], heard)

    assert [each.container.alias for each in both] == ["shop_web.1", "shop_web.1-000000000000"]
    assert [int(each.container.id, 16) for each in both] == [4, 5]
    assert [each.alias_taken for each in both] == ["", ""]
    assert shown([new, task(4, state="exited")], heard) == [("shop_web.1", "running", 5)]


def test_a_task_is_linked_with_the_one_it_replaced():
    """As a container that was made anew."""
    generations = Generations()
    lists = [task(4)], [task(5), task(4, state="exited")], [task(5)]

    linked = [generations.link(present(ENGINE, EVERYTHING, each, {})) for each in lists]

    assert [[each.before for each in some] for some in linked] == [[""], [task(4).id], [""]]
