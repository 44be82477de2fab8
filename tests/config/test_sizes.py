"""Sizes as people write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.config import load
from tidegauge.errors import ConfigError
from tidegauge.units import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16MiB", 16777216),
        ("16 MiB", 16777216),
        ("1.5KiB", 1536),
        ("64kB", 64000),
        ("2GB", 2_000_000_000),
        ("1GiB", 2**30),
        ("100B", 100),
        ("0.5", 0),
        (" 7 ", 7),
    ],
)
def test_sizes_are_read_in_bytes(text: str, size: int) -> None:
    """Decimal and binary units are told apart."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-5MB", "1e3", "16M", "16mib", "1MiB 2KiB", "٣B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """The clause shows an example and what was found."""
    with pytest.raises(ValueError) as caught:
        parse_size(text)

    assert str(caught.value) == f'must be a size such as "16MiB", not "{text}"'


@given(st.integers(0, 2**50))
def test_a_size_for_people_is_about_right(size: int) -> None:
    """What is shown, read again, is no more than a twentieth off."""
    assert abs(parse_size(format_size(size)) - size) <= size / 20


def test_a_file_and_a_variable_may_spell_a_size(tmp_path: Path) -> None:
    """As text with a unit or as a bare number, checked against its bounds."""
    path = tmp_path / "tidegauge.toml"

    def read(value: str, **environ: str) -> int:
        path.write_text(f"[exporters.influxdb]\nbuffer_size = {value}\n", encoding="utf-8")
        influxdb = load(path, environ).options.exporters.influxdb
        assert influxdb is not None
        return influxdb.buffer_size

    assert read('"64KiB"') == read("65536") == 65536
    assert read("1", TIDEGAUGE_EXPORTERS_INFLUXDB_BUFFER_SIZE="1MiB") == 2**20
    for value, clause in (
        ('"1kB"', 'must be at least 64KiB, not "1kB".'),
        ("true", 'must be a size such as "16MiB", not true.'),
        ("65536.5", 'must be a size such as "16MiB", not 65536.5.'),
        ('"much"', 'must be a size such as "16MiB", not "much".'),
    ):
        with pytest.raises(ConfigError) as caught:
            read(value)
        assert str(caught.value) == f"{path}: exporters.influxdb.buffer_size {clause}"
