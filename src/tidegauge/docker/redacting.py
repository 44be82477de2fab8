"""What of a reply may be kept in a file: the fields Tidegauge reads, and no other.

Inspecting a container gives its environment, where passwords are, and its command line; a list
gives command lines and mounts. A recording is made to be handed on, so only what is decoded stays.
"""

import re
from typing import cast

import msgspec
from msgspec import inspect

from tidegauge.docker.client import InspectedContainer
from tidegauge.docker.frames import ListedContainer
from tidegauge.docker.stock import Info, SystemDf

_VERSION = re.compile(r"/v\d+\.\d+(?=/)")

_KINDS: tuple[tuple[str, object], ...] = (
    (r"/containers/json", list[ListedContainer]),
    (r"/containers/[^/]+/json", InspectedContainer),
    (r"/info", Info),
    (r"/system/df", SystemDf),
)
_HARMLESS = ("/_ping", "/version")
"""Kept whole; so is the text of an error. Of a request that is not named here nothing is kept."""


def plain(path: str) -> str:
    """A path without query and API version: what a request is about."""
    return _VERSION.sub("", path.partition("?")[0], count=1)


def about(request: str) -> str:
    """What tells recorded requests apart: the plain path, and whether sizes were asked for.

    A list with sizes takes the engine minutes, and one without is no answer to it.
    """
    query = request.partition("?")[2].split("&")
    return plain(request) + ("?size=1" if "size=1" in query else "")


def redacted(path: str, status: int, body: bytes) -> bytes:
    """The body of a whole reply with nothing in it but what Tidegauge decodes."""
    page = plain(path)
    if status != 200 or page in _HARMLESS:
        return body
    for pattern, kind in _KINDS:
        if re.fullmatch(pattern, page):
            return _cut_down(body, inspect.type_info(kind))
    return b""


def _cut_down(body: bytes, kind: inspect.Type) -> bytes:
    try:
        return msgspec.json.encode(_only(msgspec.json.decode(body), kind))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"(no JSON)"


def _only(value: object, kind: inspect.Type) -> object:
    """The value without what its type does not name."""
    match kind:
        case inspect.UnionType(types=types):
            return _only(value, max(types, key=lambda each: isinstance(each, _CONTAINERS)))
        case inspect.StructType(fields=fields) if isinstance(value, dict):
            known = cast("dict[str, object]", value)
            names = [(each.encode_name, each.type) for each in fields]
            return {name: _only(known[name], inner) for name, inner in names if name in known}
        case inspect.ListType(item_type=item) if isinstance(value, list):
            return [_only(each, item) for each in cast("list[object]", value)]
        case inspect.DictType():
            return value
        case _:
            return None if isinstance(value, dict | list) else value


_CONTAINERS = (inspect.StructType, inspect.ListType, inspect.DictType)
