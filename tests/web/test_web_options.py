"""Where the web server may listen, and what must be set for that."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.config import load
from tidegauge.errors import ConfigError
from tidegauge.web.options import CADVISOR_LABELS, Address, MetricsPageOptions, WebOptions


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback", "shown"),
    [
        ("127.0.0.1:8470", "127.0.0.1", 8470, True, "127.0.0.1:8470"),
        ("127.9.9.9:1", "127.9.9.9", 1, True, "127.9.9.9:1"),
        ("localhost:0", "localhost", 0, True, "localhost:0"),
        ("[::1]:8470", "::1", 8470, True, "[::1]:8470"),
        ("0.0.0.0:8470", "0.0.0.0", 8470, False, "0.0.0.0:8470"),
        ("[::]:8470", "::", 8470, False, "[::]:8470"),
        (":8470", "", 8470, False, "0.0.0.0:8470"),
        ("10.1.2.3:65535", "10.1.2.3", 65535, False, "10.1.2.3:65535"),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80, False, "[fe80::1%eth0]:80"),
        ("box.example:80", "box.example", 80, False, "box.example:80"),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool, shown: str) -> None:
    """IPv6 stands in brackets; only what surely is this machine alone counts as that."""
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert address.is_loopback == loopback
    assert str(address) == shown


@pytest.mark.parametrize(
    "text",
    ["8470", "127.0.0.1", "::1:8470", "127.0.0.1:", "h:65536", "http://h:1", "a b:1", "h:-1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match=r"must be an address such as \"127.0.0.1:8470\" or"):
        Address.parse(text)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    """It is an address, or a ValueError."""
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert 0 <= address.port <= 65535
    assert address.is_loopback in {True, False}


def loaded(text: str, folder: Path) -> WebOptions:
    path = folder / "tidegauge.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {}).options.web


def test_a_wrong_address_names_the_key(tmp_path: Path) -> None:
    """And what is right."""
    with pytest.raises(ConfigError) as error:
        loaded('[web]\nlisten = "everywhere"\n', tmp_path)
    assert str(error.value) == (
        f'{tmp_path}/tidegauge.toml: web.listen must be an address such as "127.0.0.1:8470" or'
        ' "[::1]:8470", not "everywhere".'
    )


def test_others_are_let_in_with_a_token_only(tmp_path: Path) -> None:
    """Beyond loopback web.token must be set; on loopback, and nowhere, it need not."""
    for listen in ("0.0.0.0:8470", "[::]:8470", ":8470", "box:8470"):
        with pytest.raises(ConfigError) as error:
            loaded(f'[web]\nlisten = "{listen}"\n', tmp_path)
        assert str(error.value) == (
            f"{tmp_path}/tidegauge.toml: web.token must be set, because web.listen"
            f' ("{listen}") lets other machines in.'
        )
        assert loaded(f'[web]\nlisten = "{listen}"\ntoken = "t"\n', tmp_path).token == "t"
    for listen in ("", "127.0.0.1:1", "[::1]:1", "localhost:1"):
        assert loaded(f'[web]\nlisten = "{listen}"\n', tmp_path).listen == listen


def test_an_empty_variable_switches_it_off() -> None:
    """As tests and containers do it."""
    assert load(None, {"TIDEGAUGE_WEB_LISTEN": ""}).options.web.listen == ""


def test_labels_for_cadvisor_come_on_top_of_the_usual() -> None:
    """Each once, in a stable order."""
    options = MetricsPageOptions(cadvisor_labels=("team", "com.docker.compose.project"))
    assert options.labels == (*CADVISOR_LABELS, "team")
