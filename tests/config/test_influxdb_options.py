"""What must hold between the options of the InfluxDB exporter."""

from pathlib import Path

import pytest

from tidegauge.config import load
from tidegauge.errors import ConfigError
from tidegauge.exporters.influxdb import InfluxdbOptions

ADDRESS = "url must be like http://HOST:8086, https://HOST or udp://HOST:8089"

MISTAKES = {
    "url = ''": ADDRESS,
    "url = 'localhost:8086'": ADDRESS,
    "url = 'ftp://h/'": ADDRESS,
    "url = 'http://'": ADDRESS,
    "url = 'http://h:x'": ADDRESS,
    "url = 'http://[::1'": ADDRESS,
    "url = 'http://h:0'": ADDRESS,
    "url = 'http://h/write?db=x'": ADDRESS,
    "url = 'udp://me@h:1'": "url must be like udp://HOST:8089, with nothing else",
    "url = 'udp://h:1/x'": "url must be like udp://HOST:8089, with nothing else",
    "url = 'udp://h'\ndatabase = 'x'": (
        "database has no use with a udp:// url: where lines go is set at the server's UDP port"
    ),
    "bucket = 'b'\ndatabase = 'tidegauge'": (
        "database is for InfluxDB 1 and exporters.influxdb.bucket for InfluxDB 2; keep one of them"
    ),
    "bucket = 'b'\nusername = 'me'": (
        "username is for InfluxDB 1 and exporters.influxdb.bucket for InfluxDB 2; keep one of them"
    ),
    "token = 'x'": "token needs exporters.influxdb.bucket as well",
    "org = 'x'": "org needs exporters.influxdb.bucket as well",
    "password = 'x'": "password needs exporters.influxdb.username as well",
    "database = ''": "database must be the name of a database",
    'bucket = "b"\ntoken = "a\\r\\nX-Y: z"': "token must be one word of plain characters",
    "max_packet_size = 511": "max_packet_size must be at least 512, not 511",
}

FINE = {
    "url = 'https://me:pw@h/influx/'": InfluxdbOptions(url="https://me:pw@h/influx/"),
    "url = 'udp://[::1]:8089/'": InfluxdbOptions(url="udp://[::1]:8089/"),
    "bucket = 'b'": InfluxdbOptions(bucket="b"),
    "bucket = 'b'\ndatabase = ''": InfluxdbOptions(bucket="b", database=""),
}


@pytest.mark.parametrize(("text", "clause"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_mistakes_are_one_sentence(text: str, clause: str, tmp_path: Path) -> None:
    """It names the key and says what to do."""
    path = tmp_path / "tidegauge.toml"
    path.write_text(f"[exporters.influxdb]\n{text}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    assert str(caught.value) == f"{path}: exporters.influxdb.{clause}."


@pytest.mark.parametrize(("text", "options"), FINE.items(), ids=range(len(FINE)))
def test_what_goes_together_is_taken(text: str, options: InfluxdbOptions, tmp_path: Path) -> None:
    """As it stands."""
    path = tmp_path / "tidegauge.toml"
    path.write_text(f"[exporters.influxdb]\n{text}\n", encoding="utf-8")

    assert load(path, {}).options.exporters.influxdb == options


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """A variable names the file; the line's end is no part of the secret."""
    secret = tmp_path / "token"
    secret.write_text("s3cret\n", encoding="utf-8")
    variables = {
        "TIDEGAUGE_EXPORTERS_INFLUXDB_BUCKET": "b",
        "TIDEGAUGE_EXPORTERS_INFLUXDB_TOKEN_FILE": str(secret),
    }

    assert load(None, variables).options.exporters.influxdb == InfluxdbOptions(
        bucket="b", token="s3cret"
    )


def test_a_mistake_in_a_variable_names_the_variable() -> None:
    """Not the option that the user never wrote."""
    with pytest.raises(ConfigError) as caught:
        load(None, {"TIDEGAUGE_EXPORTERS_INFLUXDB_TOKEN": "x"})

    assert str(caught.value) == (
        "TIDEGAUGE_EXPORTERS_INFLUXDB_TOKEN needs exporters.influxdb.bucket as well."
    )
