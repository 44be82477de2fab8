"""Addresses of engines as users write them."""

import pytest

from tidegauge.docker.endpoint import Endpoint, SshHost, Tls, parse_endpoint

CERTIFICATES = Tls(ca="ca.pem")


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
    ("text", "base"),
    [
        ("tcp://h:2376", "https://h:2376"),
        ("tcp://h", "https://h:2375"),  # as the docker CLI reads it
        ("https://h", "https://h:2376"),
        ("https://[::1]:443/", "https://[::1]:443"),
    ],
)
def test_certificates_make_tcp_into_tls(text, base):
    """With https:// it is TLS in any case."""
    assert parse_endpoint(text, CERTIFICATES) == Endpoint(text, base, tls=CERTIFICATES)


def test_tls_is_for_addresses_only():
    """https:// without certificates trusts the machine's; sockets, http and ssh need none."""
    assert parse_endpoint("https://h").tls == Tls()
    for text in ("unix:///s", "http://h", "ssh://h"):
        assert parse_endpoint(text, CERTIFICATES) == parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("ssh://h", SshHost("h")),
        ("ssh://h/", SshHost("h")),
        ("ssh://me@Host.Example:2222", SshHost("Host.Example", "me", 2222)),
        (
            "ssh://me@h/run/user/1000/docker.sock",
            SshHost("h", "me", None, "/run/user/1000/docker.sock"),
        ),
        ("ssh://[::1]:22", SshHost("::1", "", 22)),
        ("ssh://me%40corp@h/a%20b", SshHost("h", "me@corp", None, "/a b")),
    ],
)
def test_ssh_has_a_user_a_port_and_a_socket(text, host):
    """All but the host may be left out; then ssh's own configuration and docker's count."""
    assert parse_endpoint(text) == Endpoint(text, "http://engine", ssh=host)


@pytest.mark.parametrize(
    "text",
    [
        *("", "docker.sock", "unix://relative", "tcp://", "tcp://h:70000", "tcp://h:0"),
        *("tcp://me@h", "tcp://h/path", "https://h?x", "npipe:////./pipe/docker", "fd://"),
        *(
            "ssh://",
            "ssh://-oProxyCommand=id",
            "ssh://me@-oX",
            "ssh://h:0",
            "ssh://h?x",
            "ssh://h#x",
        ),
    ],
)
def test_an_impossible_address_is_named(text):
    """The clause says what to write, and shows the address."""
    with pytest.raises(ValueError, match=r"^must ") as error:
        parse_endpoint(text)
    assert str(error.value).endswith(f'not "{text}"')


def test_a_password_is_not_repeated():
    """ssh could not use it, and it should be in no log."""
    with pytest.raises(ValueError, match="must not hold a password") as error:
        parse_endpoint("ssh://me:hush@h")
    assert "hush" not in str(error.value)
