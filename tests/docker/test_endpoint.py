"""Addresses of engines as users write them."""

import pytest

from tidegauge.docker.endpoint import Endpoint, find_host, parse_endpoint


@pytest.mark.parametrize(
    ("text", "base", "socket"),
    [
        ("unix:///var/run/docker.sock", "http://engine", "/var/run/docker.sock"),
        ("tcp://127.0.0.1:2375", "http://127.0.0.1:2375", None),
        ("tcp://docker-host", "http://docker-host:2375", None),
        ("tcp://[::1]:99", "http://[::1]:99", None),
        ("http://h:1/", "http://h:1", None),
    ],
)
def test_an_address_is_a_socket_or_a_host_and_port(text, base, socket):
    """TCP's port is 2375 unless given."""
    assert parse_endpoint(text) == Endpoint(text, base, socket)


@pytest.mark.parametrize(
    "text",
    ["", "docker.sock", "unix://relative", "ssh://host", "tcp://", "tcp://h:70000", "tcp://h:0"],
)
def test_an_impossible_address_is_named(text):
    """The clause says what to write, and shows the address."""
    with pytest.raises(ValueError, match=r"^must ") as error:
        parse_endpoint(text)
    assert str(error.value).endswith(f'not "{text}"')


def test_the_address_is_found_as_the_docker_cli_finds_it():
    """Configured, else DOCKER_HOST, else the default socket."""
    environ = {"DOCKER_HOST": "tcp://env:1"}

    assert find_host("tcp://conf:1", environ) == "tcp://conf:1"
    assert find_host("", environ) == "tcp://env:1"
    assert find_host("", {}) == "unix:///var/run/docker.sock"
