"""Files kept open, and files that cannot be."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from captured_machine import CapturedMachine, descriptors

import tidegauge
from tidegauge.cgroups.files import Files, descriptors_left
from tidegauge.cgroups.listeners import listener_of

SOURCE = Path(tidegauge.__file__).parents[1]


@pytest.fixture
def process(tmp_path):
    folder = tmp_path / "proc/7"
    (folder / "net").mkdir(parents=True)
    (folder / "net/dev").write_text("mine\n")
    (folder / "stat").write_text("7 (sh)\n")
    return folder


@pytest.fixture
def used(tmp_path):
    file = tmp_path / "used"
    file.write_text("1\n")
    return file


def test_a_kept_file_is_read_anew_each_time(process, used):
    """The descriptor stays, and what it reads is what is there now."""
    files = Files(process)
    read = files.open(used)
    used.write_text("2\n")

    assert read() == b"2\n"
    files.close()
    with pytest.raises(OSError):
        read()


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [3071, 3072, 8192, 100_000])
def test_a_long_file_is_read_to_its_end(size, keep, process, used):
    """The kernel gives the interfaces of a network a page at a time."""
    used.write_bytes(b"x" * size)
    files = Files(process, keep=keep)

    assert files.open(used)() == b"x" * size
    files.close()


@pytest.mark.parametrize("keep", [True, False])
def test_a_file_that_cannot_be_read_is_none(keep, process, tmp_path):
    """One that is not there, and one that is there and refuses."""
    files = Files(process, keep=keep)

    assert files.open(tmp_path / "missing") is None
    assert files.open(tmp_path) is None
    files.close()


def test_without_descriptors_files_are_opened_each_time(process, used):
    """Only the folder of the process stays open."""
    before = descriptors()
    files = Files(process, keep=False)
    reads = [files.open(used), files.open(process / "net/dev")]

    assert descriptors() == before + 1
    assert [read() for read in reads] == [b"1\n", b"mine\n"]
    files.close()
    assert descriptors() == before


def test_a_number_that_is_used_again(process):
    """Without kept files, too, nothing is read of another process under the same number."""
    files = Files(process, keep=False)
    read = files.open(process / "net/dev")
    files.check()
    process.rename(process.with_name("ended"))
    for each in (process.with_name("ended")).rglob("*"):
        if each.is_file():
            each.unlink()
    (process / "net").mkdir(parents=True)
    (process / "net/dev").write_text("another's\n")

    with pytest.raises(FileNotFoundError):
        read()
    with pytest.raises(FileNotFoundError):
        files.check()
    files.close()


def test_descriptors_that_are_left():
    """As many as the limit leaves beside those that all else needs."""
    assert descriptors_left(0)
    assert not descriptors_left(1 << 31)


@pytest.mark.parametrize("name", ["hybrid", "unified"])
def test_a_container_for_which_there_are_no_descriptors(name, tmp_path):
    """The frame is the same; two descriptors are of its process, and tell when that has ended."""
    folder = Path(__file__).parent
    environ = os.environ | {"PYTHONPATH": f"{SOURCE}:{folder}:{folder.parent}"}
    command = [sys.executable, str(folder / "few_files.py"), name]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    opened, frame, ended, left = json.loads(done.stdout)

    machine = CapturedMachine(name, tmp_path)
    machine.process.joinpath("stat").write_text("")
    _, probe = machine.open()
    kept = msgspec.to_builtins(probe.read())
    probe.close()

    assert frame == kept | {"read": frame["read"]}
    assert opened == 2
    assert ended
    assert left == 0


def test_the_listener_of_a_socket(tmp_path):
    """The kernel tells its number; of a socket that nobody listens on, nothing."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        assert listener_of(path) is None
        listening.listen()
        assert listener_of(path) == os.getpid()
    assert listener_of(path) is None
    assert listener_of(str(tmp_path / "none")) is None
    assert listener_of("x" * 500) is None
