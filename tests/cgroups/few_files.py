"""Run as a process of its own, which cannot raise its limit: how a container is read then."""

import json
import resource
import sys
import tempfile
from pathlib import Path

import msgspec
from captured_machine import CapturedMachine, descriptors

LIMIT = 90


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        machine = CapturedMachine(name, Path(folder))
        (machine.process / "stat").write_text("")
        before = descriptors()
        reader, probe = machine.open()
        frame, opened = msgspec.to_builtins(probe.read()), descriptors() - before
        machine.process.rename(machine.process.with_name("ended"))
        (machine.proc / "ended/stat").unlink()
        ended = probe.read() is None
        probe.close()
        reader.close()
        print(json.dumps([opened, frame, ended, descriptors() - before]))


if __name__ == "__main__":
    main(sys.argv[1])
