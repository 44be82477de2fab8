"""Docker compose, the program, on the stacks of ``deploy/``."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from servers.process import ServerError

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

_PROGRAM = ROOT / ".cache/compose/docker-compose"


class Compose:
    """Commands on some files, with variables that these ask for."""

    @staticmethod
    def missing() -> str:
        """What this machine lacks to run it, in words; empty when nothing is."""
        if platform.machine() != "x86_64":
            return "only for x86_64 there is a docker compose"
        return "" if _PROGRAM.exists() else "docker compose is not in .cache/compose"

    def __init__(self, files: Sequence[str], variables: Mapping[str, str], host: str = "") -> None:
        """``files`` are of ``deploy/`` or with their whole path; ``host`` is the engine's."""
        self._files = [word for file in files for word in ("--file", str(DEPLOY / file))]
        # No .env that somebody has there, and no user's settings.
        self._env = {"PATH": os.environ["PATH"], "COMPOSE_DISABLE_ENV_FILE": "1", **variables}
        self._env |= {"DOCKER_HOST": host} if host else {}

    def run(self, *command: str, seconds: float = 60) -> str:
        """What it prints; raises `ServerError` with what it says of a failure."""
        done = subprocess.run(
            [_PROGRAM, *self._files, *command],
            env=self._env,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            raise ServerError(done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def understood(self) -> dict[str, Any]:
        """The stack with all its defaults."""
        found: dict[str, Any] = json.loads(self.run("config", "--format", "json"))
        return found
