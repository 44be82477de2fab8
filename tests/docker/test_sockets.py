"""A socket that leads to no engine is one sentence, with what to do where we are."""

import os
import socket
from pathlib import Path

import pytest

from tidegauge.docker import sockets
from tidegauge.docker.sockets import absent, forbidden


@pytest.fixture
def in_container(monkeypatch):
    """As managers of containers tell it."""
    monkeypatch.setenv("container", "docker")


@pytest.fixture
def address(tmp_path):
    """Of a socket that a group may use."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        path.chmod(0o660)
        yield f"unix://{path}"


def test_a_user_is_told_the_group_of_the_socket(address):
    """By its number, which a name may not have everywhere."""
    assert forbidden(address) == (
        f"no permission to use {address}: run as root, or add your user to the group that owns the"
        f' socket, {os.getegid()} ("sudo usermod -aG docker $USER", then log in again).'
    )


@pytest.mark.usefixtures("in_container")
def test_a_container_is_given_the_group_of_the_socket(address):
    """As an argument, or as its only group where there is no such argument."""
    group = os.getegid()
    assert forbidden(address) == (
        f"no permission to use {address}: give the container the group that owns the socket, with"
        f" --group-add {group} (of a service in a Swarm: user: UID:{group})."
    )


@pytest.mark.usefixtures("in_container")
def test_a_socket_of_its_owner_alone_needs_that_user(address):
    """A group would not help."""
    Path(address.removeprefix("unix://")).chmod(0o600)
    user = os.geteuid()

    assert forbidden(address) == (
        f"no permission to use {address}: it is for user {user} alone; run as that, --user {user}."
    )


@pytest.mark.usefixtures("in_container")
def test_a_socket_that_nobody_may_look_for_needs_root(tmp_path):
    """Its group cannot be known."""
    assert forbidden(f"unix://{tmp_path}/none") == (
        f"no permission to use unix://{tmp_path}/none: run as root, with --user 0."
    )


def test_a_container_without_the_socket_is_told_to_mount_it(in_container, monkeypatch):
    """A machine is told to start its engine; a mark tells of a container as well."""
    address = "unix:///var/run/docker.sock"
    inside = (
        f"no engine at {address}: there is no such socket; mount that of the machine, with --volume"
        " /var/run/docker.sock:/var/run/docker.sock."
    )
    assert absent(address, there=False) == inside
    monkeypatch.setenv("container", "")
    assert absent(address, there=False) == (
        f"no engine at {address}: there is no such socket."
        ' Is Docker running ("sudo systemctl start docker")?'
    )
    monkeypatch.delenv("container")
    monkeypatch.setattr(sockets, "MARKS", ())
    assert absent(address, there=False) != inside


@pytest.mark.usefixtures("in_container")
def test_a_folder_in_place_of_the_socket_is_explained(tmp_path, address):
    """Engines make one where what is to be mounted is missing."""
    assert absent(f"unix://{tmp_path}", there=True) == (
        f"no engine at unix://{tmp_path}: that is a folder, which an engine makes where a socket to"
        " be mounted is missing; start the engine, remove the folder on its machine, make the"
        " container anew."
    )
    assert absent(address, there=True) == (
        f"no engine at {address}: nobody listens on that socket; is Docker running on its machine,"
        " and was the container made anew since it began to?"
    )
