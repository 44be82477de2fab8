"""Raw values against the option classes, with errors in the words of the user's file.

The classes stay the only description of what is allowed: their types, bounds and literals are read
back through ``msgspec.inspect``. msgspec's own errors name neither file nor dictionary key.
"""

import math
import re
from collections.abc import Callable
from typing import TypeVar, cast

import msgspec
from msgspec import inspect

from tidegauge.config.places import Key, Places, dotted, shown
from tidegauge.units import format_duration, format_size, parse_duration, parse_size

T = TypeVar("T")

_NOUNS: dict[type[inspect.Type], tuple[type, str]] = {
    inspect.BoolType: (bool, "true or false"),
    inspect.IntType: (int, "a whole number"),
    inspect.StrType: (str, "text in quotes"),
}


def convert(raw: object, into: type[T], places: Places) -> T:
    """An instance of the class; raises `ConfigError` for the first value that is not allowed."""
    plain = checked(raw, inspect.type_info(into), (), places)
    try:
        return msgspec.convert(plain, into)
    except msgspec.ValidationError as error:
        # Only a constraint that is not explained below gets here; it is still no traceback.
        what, _, where = str(error).partition(" - at ")
        key = tuple(re.findall(r"[\w-]+|\[\d+\]", where))
        raise places.wrong(key or ("it",), f"is not allowed: {what.lower()}") from error


def checked(value: object, kind: inspect.Type, key: Key, places: Places) -> object:
    """The value in msgspec's plain types, in seconds and bytes; raises `ConfigError`."""
    match bare(kind):
        case inspect.Metadata() as quantity:
            return _quantity(value, quantity.type, key, places)
        case inspect.StructType() as struct:
            return _struct(value, struct, key, places)
        case inspect.DictType() as dictionary:
            return _dictionary(value, dictionary, key, places)
        case inspect.VarTupleType() | inspect.ListType() as sequence:
            return _sequence(value, sequence.item_type, key, places)
        case inspect.LiteralType() as literal:
            return _literal(value, literal, key, places)
        case scalar:
            return _scalar(value, scalar, key, places)


def bare(kind: inspect.Type) -> inspect.Type:
    """Without ``| None``, which files cannot write, and without marks other than a unit's."""
    if isinstance(kind, inspect.UnionType):
        return bare(next(x for x in kind.types if not isinstance(x, inspect.NoneType)))
    if isinstance(kind, inspect.Metadata) and not _unit(kind):
        return bare(kind.type)
    return kind


def is_duration(kind: inspect.Type) -> bool:
    """True for `tidegauge.units.Seconds`."""
    return _unit(kind) == "s"


def _unit(kind: inspect.Type) -> object:
    extra = cast("dict[str, object] | None", getattr(kind, "extra", None))
    return extra and extra.get("unit")


def _struct(value: object, kind: inspect.StructType, key: Key, places: Places) -> object:
    fields = {field.encode_name: field.type for field in kind.fields}
    table = _table(value, key, places)
    for name in table:
        if name not in fields:
            raise places.unknown((*key, name), fields)
    return {name: checked(item, fields[name], (*key, name), places) for name, item in table.items()}


def _dictionary(value: object, kind: inspect.DictType, key: Key, places: Places) -> object:
    table = _table(value, key, places)
    if isinstance(kind.key_type, inspect.LiteralType):
        for name in table:
            if name not in kind.key_type.values:
                raise places.unknown((*key, name), cast("list[str]", kind.key_type.values))
    return {
        name: checked(item, kind.value_type, (*key, name), places) for name, item in table.items()
    }


def _sequence(value: object, kind: inspect.Type, key: Key, places: Places) -> object:
    if not isinstance(value, list):
        example = 'a list such as ["a", "b"]'
        if isinstance(kind, inspect.StructType):
            example = f"a list of tables, each headed [[{dotted(key)}]]"
        raise places.wrong(key, f"must be {example}, not {shown(value)}")
    items = cast("list[object]", value)
    return [checked(item, kind, (*key, f"[{at}]"), places) for at, item in enumerate(items)]


def _table(value: object, key: Key, places: Places) -> dict[str, object]:
    if not isinstance(value, dict):
        raise places.wrong(key, f"must be a table, not {shown(value)}")
    return cast("dict[str, object]", value)


def _literal(value: object, kind: inspect.LiteralType, key: Key, places: Places) -> object:
    if value not in kind.values:
        allowed = ", ".join(shown(one) for one in kind.values)
        raise places.wrong(key, f"must be one of {allowed}, not {shown(value)}")
    return value


def _scalar(value: object, kind: inspect.Type, key: Key, places: Places) -> object:
    expected, noun = _NOUNS.get(type(kind), (type(value), ""))
    if type(value) is not expected:  # exact, because True is an int
        found = shown(value)
        hint = "; a key with dots needs quotes" if found == "a table" else ""
        raise places.wrong(key, f"must be {noun}, not {found}{hint}")
    if isinstance(kind, inspect.IntType) and (bound := _bound(cast("int", value), kind, str)):
        raise places.wrong(key, f"must be {bound}, not {shown(value)}")
    if isinstance(value, str) and "\0" in value:  # no path and no name may have one
        raise places.wrong(key, "must not hold a null character")
    return value


def _quantity(value: object, kind: inspect.Type, key: Key, places: Places) -> float:
    """Of a type that is marked with a unit."""
    if isinstance(kind, inspect.IntType):
        return _size(value, kind, key, places)
    return _duration(value, cast("inspect.FloatType", kind), key, places)


def _duration(value: object, kind: inspect.FloatType, key: Key, places: Places) -> float:
    try:
        seconds = _seconds(value)
    except (ValueError, OverflowError):
        raise places.wrong(key, f'must be a duration such as "10s", not {shown(value)}') from None
    if bound := _bound(seconds, kind, format_duration):
        raise places.wrong(key, f"must be {bound}, not {shown(value)}")
    return seconds


def _seconds(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _size(value: object, kind: inspect.IntType, key: Key, places: Places) -> int:
    try:
        size = parse_size(value) if isinstance(value, str) else value
    except ValueError:
        size = None
    if type(size) is not int:
        raise places.wrong(key, f'must be a size such as "16MiB", not {shown(value)}')
    if bound := _bound(size, kind, format_size):
        raise places.wrong(key, f"must be {bound}, not {shown(value)}")
    return size


def _bound(
    number: float, kind: inspect.IntType | inspect.FloatType, write: Callable[[float], str]
) -> str:
    """The bound that the number breaks; empty if it keeps within all."""
    if kind.gt is not None and number <= kind.gt:
        return f"more than {write(kind.gt)}"
    if kind.ge is not None and number < kind.ge:
        return f"at least {write(kind.ge)}"
    if kind.le is not None and number > kind.le:
        return f"at most {write(kind.le)}"
    return ""
