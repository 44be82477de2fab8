"""Why a unix socket leads to no engine, and what to do: on a machine, and in a container on it."""

import os
import stat
from pathlib import Path

MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman put into every container."""


def forbidden(address: str) -> str:
    """Who may use the socket, and how one becomes one of them."""
    says = f"no permission to use {address}"
    try:
        found = Path(address.removeprefix("unix://")).stat()
    except OSError:  # in a folder that may not be looked into
        found = None
    if found is not None and not found.st_mode & stat.S_IWGRP:
        remedy = f"--user {found.st_uid}" if _in_container() else "or as root"
        return f"{says}: it is for user {found.st_uid} alone; run as that, {remedy}."
    if _in_container():
        if found is None:
            return f"{says}: run as root, with --user 0."
        return (
            f"{says}: give the container the group that owns the socket, with --group-add"
            f" {found.st_gid} (of a service in a Swarm: user: UID:{found.st_gid})."
        )
    group = f", {found.st_gid}" if found else ""
    return (
        f"{says}: run as root, or add your user to the group that owns the socket{group}"
        ' ("sudo usermod -aG docker $USER", then log in again).'
    )


def absent(address: str, *, there: bool) -> str:
    """Nobody answers on the socket, which is ``there`` or not."""
    path = address.removeprefix("unix://")
    says = f"no engine at {address}:"
    if there and os.path.isdir(path):  # noqa: PTH112 (it never raises)
        return (
            f"{says} that is a folder, which an engine makes where a socket to be mounted is"
            " missing; start the engine, remove the folder on its machine, make the container anew."
        )
    lack = "nobody listens on that socket" if there else "there is no such socket"
    if not _in_container():
        return f'{says} {lack}. Is Docker running ("sudo systemctl start docker")?'
    remedy = (
        "is Docker running on its machine, and was the container made anew since it began to?"
        if there
        else "mount that of the machine, with --volume /var/run/docker.sock:/var/run/docker.sock."
    )
    return f"{says} {lack}; {remedy}"


def _in_container() -> bool:
    """By the variable that managers of containers set, or else by the marks of engines."""
    told = os.environ.get("container")  # noqa: SIM112 (systemd's name)
    return any(mark.exists() for mark in MARKS) if told is None else bool(told)
