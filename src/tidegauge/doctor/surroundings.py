"""This machine: where the history is kept, where pages are served, where metrics go."""

import asyncio
import errno
import os
import shutil
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from tidegauge.config import Options
from tidegauge.doctor.findings import Finding, Part
from tidegauge.errors import ConfigError, HistoryError
from tidegauge.history.options import path_of
from tidegauge.history.ownership import Ownership
from tidegauge.web.options import Address

REACH_SECONDS = 3.0
LEAST_FREE = 64 * 2**20
"""Bytes below which a disk is as good as full."""


async def of_surroundings(options: Options, environ: Mapping[str, str]) -> Part:
    """All of it; nothing is sent anywhere."""
    findings = [_served(options), _remembered(options, environ)]
    for name in options.exporters.__struct_fields__:
        table = getattr(options.exporters, name)
        if table is not None:
            findings.append(await _reached(name, table))
    return Part("This machine", [each for each in findings if each is not None])


def _served(options: Options) -> Finding | None:
    """Is the address free, or does somebody serve there?"""
    if not options.web.listen:
        return None
    address = Address.parse(options.web.listen)
    what = f"dashboard at http://{address}/"
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with closing(socket.socket(family)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((address.host, address.port))
    except OSError as error:
        taken = "; is another Tidegauge there?" if error.errno == errno.EADDRINUSE else "."
        says = f"{(error.strerror or 'impossible').lower()}{taken}"
        return Finding(what, "note", says, "Choose another address as web.listen.")
    return Finding(what, "ok", "the address is free.")


def _remembered(options: Options, environ: Mapping[str, str]) -> Finding | None:
    if not options.history.enabled or options.history.prometheus:
        return None
    try:
        path = path_of(options.history, environ, root=os.geteuid() == 0)
        folder = _writable(path)
    except (ConfigError, HistoryError) as error:
        return Finding("history", "note", str(error), "Until then only the present is shown.")
    free = shutil.disk_usage(folder).free
    room = f"{path}, {free / 2**30:.1f} GiB free."
    if free < LEAST_FREE:
        return Finding("history", "missing", room, "Make room, or set history.path.")
    return Finding("history", "ok", room)


def _writable(path: Path) -> Path:
    """The folder it would be made in; nothing is made here, which would be ours and nobody else's.

    Raises `HistoryError`.
    """
    # Not by the methods of paths: they raise for a folder that may not be looked into.
    if os.path.exists(path.with_name(f"{path.name}.lock")):  # noqa: PTH110 (it never raises)
        Ownership(path).give_up()
    folder = next(each for each in path.absolute().parents if os.path.isdir(each))  # noqa: PTH112 (the same)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HistoryError(f"{folder} cannot be written to.")
    return folder


async def _reached(name: str, table: object) -> Finding:
    """Does anybody listen where an exporter sends to?"""
    what = f"exporter {name}"
    host, port, datagrams = _place(table)
    if port is None:
        return _written(what, getattr(table, "path", ""))
    where = f"{host}:{port}"
    if datagrams:
        return Finding(what, "ok", f"UDP to {where}, where nobody answers whether it came.")
    try:
        async with asyncio.timeout(REACH_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, UnicodeError) as error:
        reason = _reason(error)
        says = f"{where} cannot be reached: {reason}."
        return Finding(
            what, "missing", says, "Start what should listen there, or mend its address."
        )
    return Finding(what, "ok", f"{where} listens.")


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "its name is not known"
    number = error.errno or 0
    return os.strerror(number).lower() if number > 0 else "no answer"


def _place(table: object) -> tuple[str, int | None, bool]:
    """Host, port, and whether datagrams are sent there."""
    if url := getattr(table, "url", ""):
        parts = urlsplit(url)
        usual = 443 if parts.scheme == "https" else 80
        return parts.hostname or "", parts.port or usual, parts.scheme == "udp"
    return getattr(table, "host", ""), getattr(table, "port", None), _is_statsd(table)


def _is_statsd(table: object) -> bool:
    return hasattr(table, "max_packet_size")


def _written(what: str, path: str) -> Finding:
    if path == "-":
        return Finding(what, "ok", "to standard output.")
    folder = Path(path).absolute().parent
    if os.path.isdir(folder) and os.access(folder, os.W_OK):  # noqa: PTH112 (it never raises)
        return Finding(what, "ok", f"to {path}.")
    says = f"{folder} is no folder that can be written to."
    return Finding(what, "missing", says, "Make it, or mend exporters.file.path.")
