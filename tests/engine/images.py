"""The image, built here and put into an engine; what is answered in that engine's network."""

import ctypes
import http.client
import json
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from servers.compose import ROOT
from servers.engine import PATH, DockerEngine

IMAGE = "tidegauge:latest"

PORT = 8470

_CLONE_NEWNET = 0x40000000


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


def answer(
    engine: DockerEngine, path: str, host: str = "127.0.0.1", port: int = PORT, seconds: float = 5
) -> str:
    """What is answered there in the engine's network; empty when nobody does, or refuses."""
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    # A thread of its own goes into the network, and ends there; the socket stays where it was made.
    with ThreadPoolExecutor(1) as thread:
        try:
            connection.sock = thread.submit(_connected, engine, host, port).result()
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.read().decode() if reply.status == http.client.OK else ""
        except OSError:
            return ""
        finally:
            connection.close()


def _connected(engine: DockerEngine, host: str, port: int) -> socket.socket:
    with Path(f"/proc/{engine.pid}/ns/net").open("rb") as network:
        if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no way into the engine's network")
    return socket.create_connection((host, port), 5)


def containers(engine: DockerEngine, token: str = "", host: str = "127.0.0.1") -> dict[str, Any]:
    """The containers that a Tidegauge there shows, by alias; none when nobody answers."""
    body = answer(engine, f"/api/v1/containers?token={token}", host)
    listed = json.loads(body)["containers"] if body else ()
    return {each["key"].partition("/")[2]: each for each in listed}
