"""Programs as they stand in for themselves when what documents tell to type is run by a test.

Run as a program, its first argument is the name of the one to be. What is typed is checked as far
as can be: ``tidegauge`` is the real one, on a simulated engine, and what would run for ever is
ended once it works.
"""

import hashlib
import itertools
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / ".cache/compose/docker-compose"

SECONDS = 20.0
"""How long a command may take until it works."""

ALIKE = {"run", "demo", "top", "check", "once", "doctor", "graph"}
"""Commands that leave nothing behind, and so are run but once for the same words and files."""

WORKS = {"run": "watching", "demo": "watching", "record": "engine answers", "top": "shop"}
"""What commands that go on and on say, or show, once they do what they are for."""

Arguments = Sequence[str]


def tidegauge(given: Arguments) -> int:
    """The program; what goes on and on is ended when it works."""
    command = next((word for word in given if not word.startswith("-")), "run")
    program = [sys.executable, "-m", "tidegauge", *given]
    if command in ALIKE and _was_done(given):
        return 0  # whoever was first says how it ended
    if command not in WORKS:
        return subprocess.run(program, check=False).returncode
    shown, terminal = pty.openpty() if command == "top" else os.pipe()
    streams = {"stdin": terminal, "stdout": terminal} if command == "top" else {}
    child = subprocess.Popen(program, stderr=terminal, **streams)
    os.close(terminal)
    said = _until(shown, WORKS[command])
    if command == "top":
        os.write(shown, b"q")
    else:
        child.send_signal(signal.SIGTERM)
    _until(shown, None)
    print(said, file=sys.stderr)
    return child.wait(SECONDS)


def _was_done(given: Arguments) -> bool:
    """Has somebody begun the same, with the same files and variables?"""
    files = [path.read_bytes() for path in map(Path, given) if path.is_file()]
    variables = {k: v for k, v in os.environ.items() if k.startswith(("TIDEGAUGE_", "DOCKER_"))}
    same = repr((list(given), sorted(variables.items()), files)).encode()
    try:
        Path(os.environ["DONE"], hashlib.sha256(same).hexdigest()).touch(exist_ok=False)
    except FileExistsError:
        return True
    return False


def _until(descriptor: int, words: str | None) -> str:
    """What was read up to these words, or to the end."""
    said, end = "", time.monotonic() + SECONDS
    while words is None or words not in said:
        assert time.monotonic() < end, f"not {words!r} in {said}"
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # so a terminal ends
            break
        if not piece:
            break
        said += piece.decode(errors="replace")
    assert words is None or words in said, said
    return said


def docker(given: Arguments) -> int:
    """Stacks are read by the real compose; what else has options is by the real command."""
    if given[0] == "compose" or given[:2] == ["stack", "deploy"]:
        files = [file for flag, file in itertools.pairwise(given) if flag in {"-f", "-c"}]
        named = [word for file in files for word in ("--file", file)]
        return subprocess.run([COMPOSE, *named, "config", "--quiet"], check=False).returncode
    if given[0] != "run":
        return _unless(given[-1] != "-" or bool(sys.stdin.read()), "nothing came in")
    # It refuses what it does not know before it looks for an engine.
    asked = _real("docker", *given)
    nowhere = os.environ | {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    done = subprocess.run(asked, env=nowhere, check=False, capture_output=True, text=True)
    return _unless("Cannot connect" in done.stderr, done.stderr)


def curl(given: Arguments) -> int:
    """Asks the agent that the test started, in the place of the one at the usual address."""
    import urllib.request  # which takes as long as all the rest

    url = given[-1].replace("127.0.0.1:8470", os.environ["AGENT"])
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        return _unless(bool(answer.read(2)), url)


def make(given: Arguments) -> int:
    """Says what it would do."""
    told = subprocess.run(
        _real("make", "--dry-run", "-C", str(ROOT), *given), check=False, stdout=sys.stderr
    )
    return told.returncode


def pip(given: Arguments) -> int:
    """Has the package these extras?"""
    wanted = re.search(r"\[(.*)\]", given[-1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = wanted[1].split(",") if wanted else []
    return _unless(
        given[0] == "install" and {*named} <= {*project["optional-dependencies"]}, given[-1]
    )


def cp(given: Arguments) -> int:
    """Is there what would be copied?"""
    *sources, _to = (word for word in given if not word.startswith("-"))
    return _unless(all(map(os.path.exists, sources)), " ".join(sources))


def stat(given: Arguments) -> int:
    """The group of a socket that is not here."""
    print("997")
    return _unless(list(given) == ["-c", "%g", "/var/run/docker.sock"], " ".join(given))


def openssl(given: Arguments) -> int:
    """A secret that is none."""
    print("00" * 16)
    return _unless(list(given) == ["rand", "-hex", "16"], " ".join(given))


def told(_given: Arguments) -> int:
    """Nothing can be checked here."""
    return 0


def _real(*command: str) -> Arguments:
    """A command that is not to be that of a stand-in."""
    return "/usr/bin/env", f"PATH={os.environ['REAL_PATH']}", *command


def _unless(right: bool, said: str) -> int:
    if not right:
        print(said, file=sys.stderr)
    return int(not right)


class DockerCommand:
    """What reads the options of ``docker run``; no engine is needed."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks, in words."""
        return "" if shutil.which("docker") else "there is no docker in PATH"


STAND_INS: dict[str, tuple[Callable[[Arguments], int], str]] = {
    "tidegauge": (tidegauge, "it is the real one, on a simulated engine"),
    "docker": (docker, "images are of registries; the level engine runs ours and its stacks"),
    "make": (make, "each of its commands takes minutes; those of tests and releases run in CI"),
    "pip": (pip, "tests of distributions install the wheel"),
    "python3": (told, "the same"),
    "curl": (curl, "the agent is at another port"),
    "cp": (cp, "it would change the machine"),
    "install": (told, "it would change the machine"),
    "apt-get": (told, "it would change the machine"),
    "systemctl": (told, "there is no systemd; systemd-analyze reads the unit in another test"),
    "kubectl": (told, "there is no cluster; Kubernetes' schemas are asked in another test"),
    "podman": (told, "the level engines asks real ones, but runs no Tidegauge in them"),
    "sqlite3": (told, "tests of the history read its file"),
    "stat": (stat, "there is no socket of an engine"),
    "openssl": (openssl, "any secret will do"),
}
"""What does in a program's place, and why it is not run as it is."""

if __name__ == "__main__":
    sys.exit(STAND_INS[sys.argv[1]][0](sys.argv[2:]))
