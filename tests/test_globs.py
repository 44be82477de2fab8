import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegauge.globs import Glob, Selection

NAMES = st.text(alphabet="ab/*\\?.[\n", max_size=12)


def reference(pattern: str, name: str) -> bool:
    """Try everything, one character at a time: slow, and plainly what the manual says."""
    if not pattern:
        return not name
    if pattern.startswith("**"):
        return reference(pattern[2:], name) or (name != "" and reference(pattern, name[1:]))
    if pattern[0] == "*":
        return reference(pattern[1:], name) or (
            name[:1] not in {"", "/"} and reference(pattern, name[1:])
        )
    if pattern[0] == "?":
        return name[:1] not in {"", "/"} and reference(pattern[1:], name[1:])
    if pattern[0] == "\\" and len(pattern) > 1:
        pattern = pattern[1:]
    return name[:1] == pattern[0] and reference(pattern[1:], name[1:])


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("**", "", True),
        ("**", "a/b\nc", True),
        ("*", "web-1", True),
        ("*", "team/web", False),
        ("**/web", "a/b/web", True),
        ("web-?", "web-1", True),
        ("web-?", "web-/", False),
        ("web-?", "web-10", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"a\?b", "a?b", True),
        ("a\\", "a\\", True),
        ("web.1", "webx1", False),
        ("Web", "web", False),
        ("**a*", "a/a", True),
        ("***a", "x/a", True),
        ("web", "web\n", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_matches(pattern: str, name: str, expected: bool) -> None:
    """Each rule of the syntax, by example."""
    assert Glob(pattern).matches(name) is expected


@given(NAMES, NAMES)
@example("**a*b**", "a/ab")
@example("*?/*", "ab/")
def test_agrees_with_the_reference(pattern: str, name: str) -> None:
    """The compiled pattern takes exactly what trying everything takes."""
    assert Glob(pattern).matches(name) is reference(pattern, name)


@given(st.text(), st.text())
def test_escaped_literal_matches_only_itself(literal: str, other: str) -> None:
    """With a backslash before each character a name is a glob for itself alone."""
    glob = Glob("".join(f"\\{character}" for character in literal))
    assert glob.matches(literal)
    assert glob.matches(other) is (other == literal)


@given(st.text())
def test_double_star_matches_everything_and_single_star_one_level(name: str) -> None:
    """The widest globs differ only by the slash."""
    assert Glob("**").matches(name)
    assert Glob("*").matches(name) is ("/" not in name)


@pytest.mark.parametrize("pattern", ["*a" * 12 + "*b", "**a" * 12 + "**b", "**" + "*a" * 12])
def test_many_wildcards_stay_cheap(pattern: str) -> None:
    """A pattern full of wildcards does not try every way to split a long name."""
    assert not Glob(pattern).matches("a" * 2000 + "c")  # the naive way would never return


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), NAMES)
def test_selection_is_some_include_and_no_exclude(
    include: list[str], exclude: list[str], name: str
) -> None:
    """A name is taken when some include matches and no exclude does."""
    taken = any(reference(glob, name) for glob in include) and not any(
        reference(glob, name) for glob in exclude
    )
    assert Selection(include, exclude).takes(name) is taken


def test_selection_takes_everything_unless_told() -> None:
    """No filter is no restriction; an empty include list selects nothing."""
    assert Selection().takes("a/b")
    assert not Selection(include=()).takes("a/b")
    assert not Selection(exclude=["a/*"]).takes("a/b")


def test_repr_shows_the_pattern() -> None:
    """A glob in a failing assertion can be read."""
    assert repr(Glob("a*")) == "Glob('a*')"


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        (["**"], "a ab b !a"),
        ([], ""),
        (["a*"], "a ab"),
        (["a*", "!*b"], "a"),
        (["!*b", "a*"], "a"),
        (["!a*"], "b !a"),
        (["\\!a"], "!a"),
        (["!!a"], "a ab b"),
    ],
)
def test_a_pattern_with_an_exclamation_mark_takes_away(patterns: list[str], taken: str) -> None:
    """Wherever it stands; alone, from everything."""
    selection = Selection.of(patterns)

    assert " ".join(filter(selection.takes, ["a", "ab", "b", "!a"])) == taken
