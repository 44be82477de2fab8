"""Packages that only measurements need, in a folder apart from those of the program."""

import sys
from importlib.util import find_spec

from programs import PEERS

FOLDER = PEERS / "packages"


def make_findable() -> None:
    """Behind all others: what the program needs is taken from where it finds it itself."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))


def missing(*modules: str) -> str:
    """Those that are not there, in words; empty when all are."""
    make_findable()
    lacking = [name for name in modules if not _found(name)]
    return f"not installed in .cache: {', '.join(lacking)}" if lacking else ""


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False
