"""Where a container's cgroups are: found through ``/proc``, never guessed.

A process tells its cgroup in each hierarchy (``/proc/PID/cgroup``), and ``/proc/self/mountinfo``
tells where each hierarchy is mounted. That fits every driver and parent alike: ``/docker/ID``,
``docker-ID.scope`` and ``libpod-ID.scope/container``. A number of a process means nothing by
itself: it may be of another machine, of another pid namespace, or used again. So nothing is taken
but a cgroup whose path holds the container's id. Source: proc(5), cgroups(7).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from tidegauge.errors import OutOfReach

UNIFIED = ""
"""Stands for the hierarchy of cgroup v2, among the names of v1's controllers."""

UNSEEN = (
    "its processes are not seen here; run Tidegauge on the engine's own machine, as root, and in a"
    " container with --pid host"
)
HIDDEN = "/proc hides processes of others; run Tidegauge as root, or mount /proc without hidepid"

UNREADABLE = "its cgroup files cannot be read; run Tidegauge as root"

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(Struct, frozen=True):
    """A mounted hierarchy: ``root`` is the part of it that is seen at ``folder``."""

    controllers: frozenset[str]
    root: str
    folder: str


class Place(Struct, frozen=True):
    """A container's cgroups by controller, and the folder of a process of it below ``/proc``."""

    process: Path
    folders: Mapping[str, Path]


def mounts(mountinfo: str) -> list[Mount]:
    """The hierarchies in the text of a ``mountinfo``; lines that are none, or cut, are not."""
    found: list[Mount] = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        here, there = left.split(), right.split()
        if len(here) < 6 or len(there) < 3:
            continue
        root, folder = _unescaped(here[3]), _unescaped(here[4])
        if there[0] == "cgroup2":
            found.append(Mount(frozenset({UNIFIED}), root, folder))
        elif there[0] == "cgroup":
            found.append(Mount(frozenset(there[2].split(",")), root, folder))
    return found


def memberships(cgroup: str) -> dict[str, str]:
    """The path in each hierarchy, by controller, in the text of a ``/proc/PID/cgroup``."""
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, colon, rest = line.partition(":")
        controllers, also, path = rest.partition(":")
        if colon and also and path.startswith("/"):
            paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def folders_of(key: str, paths: Mapping[str, str], known: Iterable[Mount]) -> dict[str, Path]:
    """Where the cgroups of the container with this id are, by controller.

    Raises `OutOfReach` when they are in a part of the tree that a cgroup namespace hides.
    """
    found: dict[str, Path] = {}
    mounted = [*known]
    for controller, path in paths.items():
        own = _own(key, path)
        if own is None:
            continue
        if "/.." in own:
            raise OutOfReach(
                "Tidegauge runs in a cgroup namespace that hides the cgroups of others; run its"
                " container with --cgroupns host"
            )
        for mount in mounted:
            if controller in mount.controllers and (inside := _inside(own, mount.root)) is not None:
                found[controller] = Path(mount.folder + inside)
                break
    return found


def locate(key: str, process: Path, known: Iterable[Mount]) -> Place:
    """The place of the container with this id, one of whose processes this should be.

    Raises `OutOfReach`.
    """
    try:
        text = (process / "cgroup").read_text("utf-8", errors="surrogateescape")
    except PermissionError:
        raise OutOfReach(HIDDEN) from None
    except OSError:
        raise OutOfReach(UNSEEN) from None
    paths = memberships(text)
    if not any(_own(key, path) for path in paths.values()):
        raise OutOfReach(UNSEEN)
    found = folders_of(key, paths, known)
    try:
        folders = {name: at for name, at in found.items() if at.is_dir()}
    except OSError:
        raise OutOfReach(UNREADABLE) from None
    if not folders:
        raise OutOfReach(
            "its cgroups are not mounted here; in a container, run Tidegauge with"
            " -v /sys/fs/cgroup:/sys/fs/cgroup:ro"
        )
    return Place(process, folders)


def _own(key: str, path: str) -> str | None:
    """The container's own cgroup in the path of one of its processes, which may be below it."""
    at = path.find(key)
    if at < 0:
        return None
    end = path.find("/", at)
    return path if end < 0 else path[:end]


def _inside(path: str, root: str) -> str | None:
    if root == "/":
        return path
    return path[len(root) :] if f"{path}/".startswith(f"{root}/") else None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
