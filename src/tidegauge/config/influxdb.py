"""What must hold between the options of ``exporters.influxdb``."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from tidegauge.config.places import Key, Places
from tidegauge.exporters.influxdb import InfluxdbOptions

_VERSION_1 = ("database", "retention_policy", "username", "password")
_VERSION_2 = ("bucket", "org", "token")
_ADDRESS = "must be like http://HOST:8086, https://HOST or udp://HOST:8089"
_TOKEN = re.compile(r"[!-~]*")


def check_influxdb(options: InfluxdbOptions, given: Mapping[str, object], places: Places) -> None:
    """Raises `ConfigError`; ``given`` is the table as the user wrote it."""
    scheme = _check_url(options.url, places)
    chosen = [name for name in (*_VERSION_1, *_VERSION_2) if given.get(name)]
    if scheme == "udp" and chosen:
        raise places.wrong(
            _key(chosen[0]),
            "has no use with a udp:// url: where lines go is set at the server's UDP port",
        )
    if not options.bucket and not options.database:
        raise places.wrong(_key("database"), "must be the name of a database")
    _check_version(options, chosen, places)
    if options.password and not options.username:
        raise places.wrong(_key("password"), f"needs {_name('username', places)} as well")
    if not _TOKEN.fullmatch(options.token):
        raise places.wrong(_key("token"), "must be one word of plain characters")


def _check_url(url: str, places: Places) -> str:
    """Its scheme."""
    try:
        parts = urlsplit(url)
        fine = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:  # a port that is no number, half an IPv6 address
        fine, parts = False, SplitResult("", "", "", "", "")
    bare = parts.netloc.rpartition("@")[1] + parts.path.strip("/") == ""
    if not fine or parts.scheme not in {"http", "https", "udp"}:
        raise places.wrong(_key("url"), _ADDRESS)
    if parts.scheme == "udp" and not bare:
        raise places.wrong(_key("url"), "must be like udp://HOST:8089, with nothing else")
    return parts.scheme


def _check_version(options: InfluxdbOptions, chosen: list[str], places: Places) -> None:
    ones = [name for name in chosen if name in _VERSION_1]
    twos = [name for name in chosen if name in _VERSION_2]
    if ones and twos:
        raise places.wrong(
            _key(ones[0]),
            f"is for InfluxDB 1 and {_name(twos[0], places)} for InfluxDB 2; keep one of them",
        )
    if twos and not options.bucket:
        raise places.wrong(_key(twos[0]), f"needs {_name('bucket', places)} as well")


def _key(name: str) -> Key:
    return ("exporters", "influxdb", name)


def _name(name: str, places: Places) -> str:
    return places.name(_key(name))
