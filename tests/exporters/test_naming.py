"""Names that are safe on StatsD and Graphite, and never shared."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsd_server import sanitized

from snapshots import a_journal
from tidegauge.docker.frames import Container, Engine
from tidegauge.exporters import naming
from tidegauge.exporters.naming import ORIGINALS, Name, Names, normalize, percent, percent_encode
from tidegauge.metrics import CATALOGUE

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def a_container(alias: str, engine: str = "local") -> Container:
    """A container known by its alias."""
    return Container(Engine(engine), id=alias, name=alias, alias=alias)


def some_names() -> tuple[Names, list[str]]:
    """Names by ``normalize`` under one prefix, and the sentences told."""
    journal, sentences = a_journal()
    return Names(normalize, lambda _: "kamon.host", journal), sentences


def entities(names: Names, *containers: Container) -> list[str]:
    """The entity names of the containers of one snapshot."""
    named = names.of(containers)
    return [named[naming.identity(container)].entity for container in containers]


@pytest.mark.parametrize(
    ("name", "normalized", "encoded"),
    [
        ("web-1", "web-1", "web-1"),
        ("my app", "my_app", "my%20app"),
        ("GET: /users", "GET-_users", "GET%3A%20%2Fusers"),
        ("repo/nginx:1.25", "repo_nginx_1_25", "repo%2Fnginx%3A1%2E25"),
        ("host.example.com", "host_example_com", "host%2Eexample%2Ecom"),
        ("a:b|c@d#e", "a_b_c_d_e", "a%3Ab%7Cc%40d%23e"),
        ("%$&+,;=?<>", "__________", "%25%24%26%2B%2C%3B%3D%3F%3C%3E"),
        ("one\ntwo\r\x00", "one_two__", "one%0Atwo%0D%00"),
        ("a;b~c*d", "a_b_c_d", "a%3Bb~c*d"),
        ("é", "_", "%C3%A9"),
        ("海", "_", "%E6%B5%B7"),
        ("\x7f\x80", "__", "%7F%C2%80"),
        ("\ud800", "_", "%ED%A0%80"),
        ("", "_", "_"),
    ],
)
def test_strategies(name: str, normalized: str, encoded: str) -> None:
    """Both of the original's ways of making a name safe, and what it forgot."""
    assert normalize(name) == normalized
    assert percent_encode(name) == encoded


@given(ANY_TEXT)
def test_normalized_names_pass_a_server_untouched(name: str) -> None:
    """StatsD neither changes a normalised name nor takes a part of it for something else."""
    safe = normalize(name)
    assert sanitized(safe) == safe
    assert re.fullmatch(r"[A-Za-z0-9_-]+", safe)


@given(ANY_TEXT, ANY_TEXT)
def test_percent_encoding_is_safe_and_keeps_names_apart(name: str, other: str) -> None:
    """Encoded names are printable, end no key, and differ where the names do."""
    safe = percent_encode(name)
    assert re.fullmatch(r"[!-~]+", safe)
    assert not set(safe) & set(".:|@#\n;/")
    if {name, other}.isdisjoint({"", "_"}):
        assert (safe == percent_encode(other)) is (name == other)


@pytest.mark.parametrize(
    ("cores", "expected"),
    [(0, 0), (0.004, 0), (0.005, 1), (0.42, 42), (0.125, 13), (1.995, 200), (31.5, 3150)],
)
def test_percent_is_rounded_half_up(cores: float, expected: int) -> None:
    """Percent of one core, as a whole number."""
    assert percent(cores) == expected


def test_each_original_name_is_one_instrument() -> None:
    """No two series go under one name: received packets were once sent as transmitted ones."""
    named = [(original.category, original.metric) for original in ORIGINALS.values()]
    assert len(set(named)) == len(named)
    assert {name for name, _ in ORIGINALS} <= {metric.name for metric in CATALOGUE}


def test_application_keeps_its_levels_and_the_rest_has_one_each() -> None:
    """A dot in the application is the user's own level; one in a host is not."""
    assert naming.prefix(normalize, "my team.kamon", "web.example") == "my_team.kamon.web_example"
    assert naming.prefix(normalize, "kamon", None) == "kamon"
    assert naming.prefix(normalize, "", "a") == "_.a"


def test_two_containers_never_share_a_name() -> None:
    """The later of two that would gets a suffix, and one sentence names both."""
    names, sentences = some_names()
    first, later = a_container("web.1"), a_container("web/1")
    assert entities(names, first) == ["web_1"]
    assert entities(names, later, first) == ["web_1_bc5d0395", "web_1"]
    assert entities(names, later) == ["web_1_bc5d0395"]
    (sentence,) = sentences
    assert sentence == (
        '"web.1" of engine "local" and "web/1" of engine "local" come to the same exported name;'
        ' the latter is sent as "web_1_bc5d0395".'
    )


def test_of_two_that_come_together_the_safe_alias_keeps_its_name() -> None:
    """Then a restart of the monitor does not exchange their histories."""
    names, _ = some_names()
    assert entities(names, a_container("a.b"), a_container("a_b"))[1] == "a_b"


def test_a_recreated_container_keeps_its_name() -> None:
    """The name belongs to the alias, whatever the id."""
    names, sentences = some_names()
    again = Container(Engine("local"), id="other", name="x", alias="web.1")
    assert entities(names, a_container("web.1")) == entities(names, again) == ["web_1"]
    assert sentences == []


def test_a_suffix_that_is_taken_is_not_given() -> None:
    """Even an alias that looks like a suffixed name stays alone."""
    names, _ = some_names()
    taken = a_container("web_1_bc5d0395")
    found = entities(names, a_container("web.1"), taken, a_container("web/1"))
    assert found[:2] == ["web_1", "web_1_bc5d0395"]
    assert len(set(found)) == 3


@given(
    st.lists(
        st.lists(
            st.tuples(st.text("a./ :_", max_size=3), st.sampled_from(["local", "far"])), max_size=9
        ),
        max_size=4,
    )
)
def test_names_are_distinct_and_lasting(snapshots: list[list[tuple[str, str]]]) -> None:
    """In any order of coming, one container has one name, and one name has one container."""
    names, _ = some_names()
    given_names: dict[tuple[str, str], Name] = {}
    for snapshot in snapshots:
        named = names.of(a_container(alias, engine) for alias, engine in snapshot)
        for alias, engine in snapshot:
            name = named["container", engine, alias]
            assert given_names.setdefault((engine, alias), name) == name
    assert len(set(given_names.values())) == len(given_names)


def test_old_names_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the name longest unused goes first, and may be given anew."""
    monkeypatch.setattr(naming, "NAMES_KEPT", 2)
    names, sentences = some_names()
    assert entities(names, a_container("web.1")) == ["web_1"]
    assert entities(names, *map(a_container, "abcd")) == [*"abcd"]
    assert entities(names, a_container("e")) == ["e"]
    assert entities(names, a_container("web/1")) == ["web_1"]
    assert sentences == []
    assert len(names.of([])) == 2
