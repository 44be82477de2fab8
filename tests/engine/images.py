"""The image, built here and put into an engine; what is answered in that engine's network."""

import json
import os
import subprocess
import sys
from typing import Any

from servers.compose import ROOT
from servers.engine import PATH, DockerEngine
from servers.process import ServerError

IMAGE = "tidegauge:latest"

_ASK = "import sys, urllib.request as x; print(x.urlopen(sys.argv[1], timeout=5).read().decode())"


def build_into(engine: DockerEngine) -> None:
    """``make image``: the first time it takes a minute, then the program is in .cache."""
    done = subprocess.run(
        [ROOT / "scripts/build-image", IMAGE],
        env={**os.environ, "DOCKER_HOST": engine.host, "PATH": f"{os.environ['PATH']}:{PATH}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def group_of_socket(engine: DockerEngine) -> str:
    """The group of /var/run/docker.sock, as containers see it."""
    command = [*engine.inside("--mount"), "stat", "--format=%g", "/var/run/docker.sock"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def answer(engine: DockerEngine, url: str) -> str:
    """What is answered there in the engine's network; empty when nobody does."""
    try:
        return engine.nsenter(sys.executable, "-c", _ASK, url)
    except ServerError:
        return ""


def containers(engine: DockerEngine, token: str = "", host: str = "127.0.0.1") -> dict[str, Any]:
    """The containers that a Tidegauge there shows, by alias; none when nobody answers."""
    body = answer(engine, f"http://{host}:8470/api/v1/containers?token={token}")
    listed = json.loads(body)["containers"] if body else ()
    return {each["key"].partition("/")[2]: each for each in listed}
