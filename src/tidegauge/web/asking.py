"""What may be asked of the API, from the text of a query; raises `Unanswerable` in words."""

import math
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tidegauge.errors import Unanswerable
from tidegauge.metrics import Identity

MOST_SPARKS = 300
MOST_ENTITIES = MOST_METRICS = 20
MOST_KEYS = 1000
MOST_POINTS = 11_000
"""Of one series."""

USUAL_POINTS = 300
LONGEST = 10 * 366 * 86400.0
"""Seconds of the longest range: ten years."""

AHEAD = 86400.0
"""How far in the future a range may end, for clocks that differ."""

_UNITS_OF_STEPS = (1, 10, 60, 600)
"""Steps are multiples of these seconds, each below the next one."""

_BELOW = (*_UNITS_OF_STEPS[1:], math.inf)

_RELATIVE = re.compile(r"-(\d{1,9})(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
_KINDS = ("container", "engine", "host")

Asked = Mapping[str, Sequence[str]]
"""The parameters of a query: all values of each name."""


class Range(Struct, frozen=True):
    """Unix seconds."""

    start: float
    stop: float


def only(asked: Asked, *names: str) -> None:
    """Nothing but these parameters, and the token, is known."""
    for name in asked:
        if name not in {*names, "token"}:
            known = f"what is known is {', '.join(names)}" if names else "there are none here"
            raise Unanswerable(f'there is no parameter "{_short(name)}": {known}.')


def one(asked: Asked, name: str) -> str:
    """The value of a parameter that may be there once; empty when it is not."""
    values = asked.get(name, ())
    if len(values) > 1:
        raise Unanswerable(f"{name} may be given once, not {len(values)} times.")
    return values[0] if values else ""


def whole(asked: Asked, name: str, usual: int, most: int) -> int:
    """A whole number from 1 on."""
    text = one(asked, name)
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise Unanswerable(f'{name} must be a whole number from 1 to {most}, not "{_short(text)}".')
    return int(text)


def range_of(asked: Asked, now: float, usual: float) -> Range:
    """``start`` and ``stop``; without them, the ``usual`` seconds until now."""
    stop = _moment("stop", one(asked, "stop") or "now", now)
    text = one(asked, "start")
    start = max(0.0, _moment("start", text, now) if text else stop - usual)
    if start >= stop:
        raise Unanswerable(f"start ({start:.3f}) must be before stop ({stop:.3f}).")
    if stop - now > AHEAD:
        raise Unanswerable(f"stop ({stop:.3f}) is in the future; it is {now:.3f} now.")
    if stop - start > LONGEST:
        raise Unanswerable("the range from start to stop is longer than ten years; ask for less.")
    return Range(start, stop)


def step_of(asked: Asked, span: Range) -> float:
    """Seconds of a bucket: as asked for, or for about so many ``points``, rounded up."""
    seconds = span.stop - span.start
    points = whole(asked, "points", USUAL_POINTS, MOST_POINTS)
    text = one(asked, "step")
    step = coarse(seconds / points) if text in {"", "auto"} else coarse(_step(text))
    if seconds / step > MOST_POINTS:
        would_do = coarse(seconds / MOST_POINTS)
        raise Unanswerable(
            f"{seconds / step:.0f} points are more than the {MOST_POINTS} that a series may have;"
            f" step={would_do:.0f} would do."
        )
    return step


def coarse(seconds: float) -> float:
    """The next step that buckets of 1 s, 10 s, 1 min or 10 min add up to."""
    rounded = (max(1, math.ceil(seconds / unit - 1e-9)) * unit for unit in _UNITS_OF_STEPS)
    return float(next(each for each, below in zip(rounded, _BELOW, strict=True) if each < below))


def identity_of(text: str) -> Identity:
    """An entity: ``container:ENGINE/ALIAS``, ``engine:NAME`` or ``host:NAME``."""
    kind, _, name = text.partition(":")
    engine, _, alias = name.partition("/")
    if kind == "container" and engine and alias:
        return kind, engine, alias
    if kind in _KINDS[1:] and name:
        return kind, name, ""
    raise Unanswerable(
        f'entity must be container:ENGINE/ALIAS, engine:NAME or host:NAME, not "{_short(text)}".'
    )


def entities(asked: Asked) -> tuple[Identity, ...]:
    """The entities that are asked for."""
    found = tuple(map(identity_of, several(asked, "entity", MOST_ENTITIES)))
    if not found:
        raise Unanswerable("entity is missing: container:ENGINE/ALIAS, engine:NAME or host:NAME.")
    return found


def entity_text(identity: Identity) -> str:
    """The same as text again."""
    kind, name, alias = identity
    return f"{kind}:{name}/{alias}" if kind == "container" else f"{kind}:{name}"


def several(asked: Asked, name: str, most: int) -> tuple[str, ...]:
    """All values of a parameter, each once, in their order."""
    values = tuple(dict.fromkeys(asked.get(name, ())))
    if len(values) > most:
        raise Unanswerable(f"{name} may be given {most} times, not {len(values)} times.")
    return values


def _step(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not 1 <= float(text) <= LONGEST:
        raise Unanswerable(f'step must be seconds from 1 on, or "auto", not "{_short(text)}".')
    return float(text)


def _moment(name: str, text: str, now: float) -> float:
    if text == "now":
        return now
    if back := _RELATIVE.fullmatch(text):
        return now - int(back[1]) * _UNITS[back[2]]
    if _NUMBER.fullmatch(text):
        return float(text)
    raise Unanswerable(
        f'{name} must be Unix seconds, or back from now such as -15m, not "{_short(text)}".'
    )


def _short(text: str) -> str:
    """For a sentence: cut, and without what would break it up."""
    shown = "".join(each if each.isprintable() else "?" for each in text[:60])
    return shown.replace('"', "'") + ("..." if len(text) > 60 else "")
