"""Totals outlive the program: a file beside the history, written now and then and at the end."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tidegauge.clock import Clock
from tidegauge.config import Options
from tidegauge.errors import ConfigError, HistoryError
from tidegauge.history.options import path_of
from tidegauge.history.ownership import Ownership
from tidegauge.journal import Journal
from tidegauge.metrics import Account, Registry

EVERY_SECONDS = 30.0

UNUSABLE = "checkpoint unusable"

_COST = "after a restart counters begin with what engines count by then"


class _Content(Struct, frozen=True):
    accounts: list[Account]
    version: int = 1


class Checkpoint:
    """The file of one program; where it cannot be had that is told, and the program does without.

    A killed program goes on from what was written last, and loses nothing of lives that go on.
    """

    def __init__(self, path: Path, registry: Registry, clock: Clock, journal: Journal) -> None:
        self._path, self._registry = path, registry
        self._clock, self._journal = clock, journal
        self._owned: Ownership | None = None

    def open(self) -> None:
        """Have the registry go on from what is there."""
        try:
            self._owned = Ownership(self._path, "checkpoint")
        except HistoryError as error:
            self._tell(f"{error} So {_COST}.")
            return
        try:
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            self._tell(
                f"the checkpoint {self._path} cannot be read: {error}. So counters begin anew."
            )
            return
        self._registry.resume(content.accounts)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            await self._write()

    async def close(self) -> None:
        """Write a last time, and let others have the file."""
        await self._write()
        if self._owned is not None:
            self._owned.give_up()

    async def _write(self) -> None:
        if self._owned is None:
            return
        content = msgspec.json.encode(_Content(self._registry.accounts()))
        try:
            await asyncio.to_thread(self._replace, content)
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            self._tell(f"the checkpoint {self._path} cannot be written: {reason}. So {_COST}.")
        else:
            self._journal.over(UNUSABLE)

    def _replace(self, content: bytes) -> None:
        draft = self._path.with_name(f"{self._path.name}.tmp")
        draft.write_bytes(content)
        draft.replace(self._path)

    def _tell(self, sentence: str) -> None:
        self._journal.trouble(UNUSABLE, sentence)


def checkpoint_of(
    options: Options,
    environ: Mapping[str, str],
    registry: Registry,
    clock: Clock,
    journal: Journal,
) -> Checkpoint | None:
    """That of these options; ``None`` for a program that is to keep nothing, or has no place."""
    if not options.history.enabled:
        return None
    try:
        history = path_of(options.history, environ, root=os.geteuid() == 0)
    except ConfigError:
        return None
    path = history.with_name(f"{history.stem}.totals.json")
    return Checkpoint(path, registry, clock, journal)
