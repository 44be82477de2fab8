"""The program as users start it, for tests of what real servers make of what it sends."""

import signal
import subprocess
from pathlib import Path

from command import TIDEGAUGE, environment


class Program:
    """``tidegauge run`` with a configuration in this file; its log is beside it."""

    def __init__(self, file: Path, configuration: str, **variables: str) -> None:
        file.write_text(configuration, encoding="utf-8")
        self._log = file.with_suffix(".log")
        with self._log.open("wb") as out:
            self._child = subprocess.Popen(
                [*TIDEGAUGE, "run", "-c", str(file)],
                env=environment(**variables),
                stdout=out,
                stderr=out,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def check(self) -> None:
        """It runs, or here is why it does not."""
        assert self._child.poll() is None, self.log

    def stop(self) -> None:
        """In good order."""
        self._child.send_signal(signal.SIGTERM)
        assert self._child.wait(15) == 0, self.log

    def kill(self) -> None:
        """If it still runs."""
        self._child.kill()
        self._child.wait()
