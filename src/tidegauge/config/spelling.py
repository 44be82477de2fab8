"""Option values spelled in plain text, as environment variables and HOCON scalars are.

Text that does not fit stays text, so that the check can say what was expected.
"""

import re

from msgspec import inspect

from tidegauge.config.check import bare
from tidegauge.config.places import shown

_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_TRUTH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def from_text(text: str, kind: inspect.Type) -> object:
    """The raw value the text stands for; raises `ValueError` with a clause fit for users."""
    match bare(kind):
        case inspect.IntType() if _WHOLE.fullmatch(text.strip()):
            return int(text)
        case inspect.BoolType():
            return _TRUTH.get(text.strip().lower(), text)
        case inspect.VarTupleType() | inspect.ListType() as sequence:
            return _sequence(text, sequence.item_type)
        case inspect.DictType() as dictionary:
            return _dictionary(text, dictionary.value_type)
        case _:
            return text


def _sequence(text: str, kind: inspect.Type) -> list[object]:
    """``a,b``; where the elements are tables ``x=y`` gives the first two fields of each."""
    if not isinstance(kind, inspect.StructType):
        return list(_parts(text))
    first, second = (field.encode_name for field in kind.fields[:2])
    example = f"{first}={second},{first}2={second}2"
    return [{first: left, second: right} for left, right in _pairs(text, example)]


def _dictionary(text: str, kind: inspect.Type) -> dict[str, object]:
    """``key=value,key2=value2``; where values are lists a repeated key adds to its list."""
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        lists: dict[str, list[object]] = {}
        for left, right in _pairs(text, "name=value,name=value2"):
            lists.setdefault(left, []).append(right)
        return dict[str, object](lists)
    values: dict[str, object] = {}
    for left, right in _pairs(text, "name=value,name2=value2"):
        if left in values:
            raise ValueError(f"names {left} twice")
        values[left] = right
    return values


def _pairs(text: str, example: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in _parts(text):
        left, equals, right = part.partition("=")
        if not equals:
            raise ValueError(f'must be pairs such as "{example}", not {shown(text)}')
        pairs.append((left.strip(), right.strip()))
    return pairs


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
