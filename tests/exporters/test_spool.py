"""Batches as files: what was written is read again, in order, and nothing else is taken for it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.exporters.spool import MAGIC, Spool, SpooledBatch, packed, unpacked

SOME = packed([b"one", b"", b"three"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "influx"


@pytest.fixture
def spool(folder: Path):
    one = Spool(folder)
    yield one
    one.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(st.lists(st.binary(max_size=50)))
def test_records_come_back_as_they_were(records: list[bytes]) -> None:
    """Empty ones and their number as well."""
    assert unpacked(packed(records)) == records


@given(st.data())
def test_what_is_not_what_was_written_is_refused(data: st.DataObject) -> None:
    """Cut anywhere, with a byte changed anywhere, with anything behind it: never other records."""
    at = data.draw(st.integers(0, len(SOME) - 1))
    changed = bytearray(SOME)
    changed[at] ^= data.draw(st.integers(1, 255))

    for damaged in (SOME[:at], bytes(changed), SOME + b"\0", bytes(len(SOME))):
        with pytest.raises(ValueError):
            unpacked(damaged)


def test_the_format_is_what_it_is() -> None:
    """Files of an earlier version can be read: this is version 1."""
    assert packed([b"ab"]) == b"tgspool1\0\0\0\x01" + b"\x6d\x1c\x2f\x5f" + b"\0\0\0\x02ab"
    assert MAGIC == b"tgspool1"


def test_the_order_outlives_the_program(spool: Spool, folder: Path) -> None:
    """Numbers go on where they were, also above what is gone."""
    assert spool.open().batches == []
    assert [spool.add(SOME), spool.add(SOME), spool.add(packed([b"x"]))] == [1, 2, 3]
    spool.remove(1)
    spool.remove(1)
    spool.close()

    again = Spool(folder)
    assert again.open().batches == [SpooledBatch(2, 3, len(SOME)), SpooledBatch(3, 1, 21)]
    assert again.add(SOME) == 4
    assert again.read(3) == packed([b"x"])
    again.replace(2, packed([b"y"]))
    assert unpacked(again.read(2)) == [b"y"]
    again.close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_damaged_is_set_aside_and_what_is_foreign_left_alone(
    spool: Spool, folder: Path
) -> None:
    """A number that was set aside is not used again; a draft is no batch."""
    folder.mkdir(parents=True)
    for name, content in {
        "0000000000000007.batch": b"nothing like it",
        "0000000000000008.batch.tmp": SOME,
        "0000000000000009.batch.bad": b"",
        "notes.txt": b"mine",
        "12.batch": SOME,
        "0000000000000003.batch": SOME,
    }.items():
        (folder / name).write_bytes(content)
    (folder / "0000000000000005.batch").mkdir()

    found = spool.open()

    assert found.batches == [SpooledBatch(3, 3, len(SOME))]
    assert found.set_aside == [f"{folder}/000000000000000{n}.batch.bad" for n in (5, 7)]
    assert spool.add(SOME) == 10
    assert names(folder) == [
        "0000000000000003.batch",
        "0000000000000005.batch.bad",
        "0000000000000007.batch.bad",
        "0000000000000009.batch.bad",
        "0000000000000010.batch",
        "12.batch",
        "lock",
        "notes.txt",
    ]


def test_two_programs_do_not_share_a_folder(spool: Spool, folder: Path) -> None:
    """The second is told, and has it when the first is gone."""
    spool.open()
    second = Spool(folder)
    with pytest.raises(BlockingIOError):
        second.open()
    spool.close()

    assert second.open().batches == []
    second.close()


def test_a_full_disk_leaves_no_half_of_a_file(spool: Spool, folder: Path) -> None:
    """What was there before stays."""
    spool.open()
    spool.add(SOME)
    draft = folder / "0000000000000001.batch.tmp"
    draft.symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        spool.replace(1, packed([b"new"]))

    assert names(folder) == ["0000000000000001.batch", "lock"]
    assert spool.read(1) == SOME


def test_a_folder_that_cannot_be_had(tmp_path: Path) -> None:
    """It is an error of the system, and nothing is left open."""
    (tmp_path / "file").touch()
    descriptors = Path("/proc/self/fd")
    before = len([*descriptors.iterdir()])
    with pytest.raises(NotADirectoryError):
        Spool(tmp_path / "file" / "influx").open()

    assert len([*descriptors.iterdir()]) == before
