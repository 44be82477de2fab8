r"""Globs over names, as in the original program's filters.

``*`` is any run without ``/``, ``**`` any run, ``?`` one character other than ``/``; ``\`` takes
the next character literally. A glob matches whole names, by case; every string is a valid glob.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

_ANY, _LEVEL = ".*", "[^/]*"
_TOKEN = re.compile(r"(?P<any>\*\*)|(?P<level>\*)|(?P<one>\?)|\\?(?P<literal>.)", re.DOTALL)


class Glob:
    """One compiled pattern."""

    __slots__ = ("_fullmatch", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._fullmatch = re.compile(_regex(pattern), re.DOTALL).fullmatch

    def matches(self, name: str) -> bool:
        """Does the whole name match?"""
        return self._fullmatch(name) is not None

    def __repr__(self) -> str:
        return f"Glob({self.pattern!r})"


class Selection:
    """Takes a name when some include matches it and no exclude does; without includes, none."""

    __slots__ = ("_exclude", "_include")

    def __init__(self, include: Iterable[str] = ("**",), exclude: Iterable[str] = ()) -> None:
        self._include = tuple(map(Glob, include))
        self._exclude = tuple(map(Glob, exclude))

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "Selection":
        """What a list of patterns takes; one that begins with ``!`` takes away.

        If all of them take away, they do so from everything.
        """
        patterns = tuple(patterns)
        exclude = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
        include = [pattern for pattern in patterns if not pattern.startswith("!")]
        return cls(include or (["**"] if exclude else []), exclude)

    def __str__(self) -> str:
        excluded = ", ".join(glob.pattern for glob in self._exclude)
        included = ", ".join(glob.pattern for glob in self._include) or "none"
        return f"{included} but not {excluded}" if excluded else included

    def takes(self, name: str) -> bool:
        """Is the name selected?"""
        return any(glob.matches(name) for glob in self._include) and not any(
            glob.matches(name) for glob in self._exclude
        )


def _regex(pattern: str) -> str:
    regex = ""
    for (wild, fixed), (following, _) in pairwise([*_parts(pattern), ("", "")]):
        # Before a wildcard at least as wide, the first place where the fixed text fits is as good
        # as any later one. Atomic groups say so, which keeps "*a*a*a*a*b" from trying them all.
        if wild and following in {_ANY, wild}:
            regex += f"(?>{wild}?{fixed})"
        else:
            regex += wild + fixed
    return regex


def _parts(pattern: str) -> list[tuple[str, str]]:
    """The glob as regular expressions of wildcards, each with the fixed text that follows it."""
    parts = [("", "")]
    for token in _TOKEN.finditer(pattern):
        wild, fixed = parts[-1]
        if token["any"] or token["level"]:
            wider = _ANY if token["any"] else _LEVEL
            if wild and not fixed:  # neighbours are as wide as the wider one
                parts[-1] = (_ANY if _ANY in (wild, wider) else _LEVEL, "")
            else:
                parts.append((wider, ""))
        else:
            parts[-1] = (wild, fixed + ("[^/]" if token["one"] else re.escape(token["literal"])))
    return parts
