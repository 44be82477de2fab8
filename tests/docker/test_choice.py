"""Which containers are watched, as what, and why."""

import pytest

from tidegauge.docker.choice import Choice
from tidegauge.docker.frames import ListedContainer

WEB = ListedContainer(
    id="ab" * 32,
    names=["/web", "/other/alias"],
    image="registry.local/team/nginx:1.25",
    state="running",
    labels={"tier": "front", "com.docker.compose.project": "shop"},
)


@pytest.mark.parametrize(
    ("include", "exclude", "alias"),
    [
        (["**"], [], "web"),
        (["w?b"], [], "web"),
        (["W*"], [], None),
        ([], [], None),
        (["**"], ["we*"], None),
        (["image:*/team/nginx:*"], [], "web"),
        (["image:nginx*"], [], None),
        (["label:tier=front"], [], "web"),
        (["label:tier"], [], "web"),
        (["label:tier=back"], [], None),
        (["project:shop"], [], "web"),
        (["id:abab*"], [], "web"),
        (["state:running"], [], "web"),
        (["**"], ["state:run*"], None),
        (["**"], ["image:**/nginx:*"], None),
        (["**"], ["label:tier=*"], None),
    ],
)
def test_filters_look_at_the_name_or_what_their_prefix_says(include, exclude, alias):
    """Taken is what an include matches and no exclude does."""
    assert Choice({}, include, exclude).decide(WEB).alias == alias


@pytest.mark.parametrize(
    ("key", "alias"),
    [
        ("web", "shop-web"),
        ("ab" * 32, "shop-web"),
        ("ab" * 6, "shop-web"),
        ("abab", None),
        ("we", None),
    ],
)
def test_named_containers_are_found_by_name_or_id(key, alias):
    """A full id, or its first 12 characters and more, or the exact name."""
    assert Choice({key: "shop-web"}, [], []).decide(WEB).alias == alias


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (Choice({"web": "w"}, [], []), 'named in the configuration as "web"'),
        (Choice({}, ["*"], []), 'included by "*"'),
        (Choice({"web": "w"}, ["*"], ["label:tier"]), 'excluded by "label:tier"'),
        (Choice({"db": "d"}, [], []), "not named in the configuration, and no filter includes it"),
    ],
)
def test_every_decision_has_its_reason(choice, why):
    """What `tidegauge check` tells about a container."""
    assert choice.decide(WEB).why == why


def test_named_containers_that_are_not_there_are_known():
    """So that they can be reported and picked up later."""
    assert Choice({"web": "w", "db": "d"}, [], []).missing([WEB]) == ["db"]


def test_a_container_without_labels_or_image_matches_no_such_filter():
    """Absent parts match nothing but everything-globs."""
    bare = ListedContainer(id="c" * 64)

    assert bare.name == "c" * 12
    assert Choice({}, ["label:a", "image:?*", "project:?*"], []).decide(bare).alias is None


def test_labels_of_a_container_steer_what_is_done_with_it():
    """tidegauge.ignore excludes even a named one; tidegauge.alias names one nobody else names."""
    ignored = ListedContainer(id="d" * 64, names=["/db"], labels={"tidegauge.ignore": "true"})
    named = ListedContainer(id="e" * 64, names=["/x"], labels={"tidegauge.alias": "front"})

    assert Choice({"db": "d"}, ["**"], []).decide(ignored).alias is None
    assert Choice({}, ["**"], []).decide(ignored).why == "its label tidegauge.ignore says so"
    assert Choice({}, ["**"], []).decide(named).alias == "front"
    assert Choice({"x": "mine"}, ["**"], []).decide(named).alias == "mine"


def test_includes_that_match_nothing_are_known():
    """So that a typing mistake is told; the one for everything is never one."""
    assert Choice({}, ["**", "w*", "nginx*", "project:none"], []).idle_includes([WEB]) == [
        "nginx*",
        "project:none",
    ]


def test_labels_are_passed_on_as_they_are() -> None:
    """The chosen ones that it has, sorted, each once, whatever tags are made of them."""
    listed = ListedContainer("c0", labels={"b": "2", "a": "1", "c": "3"})
    choice = Choice({}, (), (), {"a": "tag"}, ["b", "nobody", "a", "b"])

    assert choice.labels(listed) == (("a", "1"), ("b", "2"))
    assert Choice({}, (), ()).labels(listed) == ()
