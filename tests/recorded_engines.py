"""A folder of recorded stats streams, made into a recording that can be replayed."""

import json
from collections.abc import Iterator
from pathlib import Path

from readings.reference import NEVER, nanoseconds
from recorded import RECORDINGS
from taped import write
from tidegauge.docker.tape import Message

FOLDERS = sorted(path for path in RECORDINGS.iterdir() if path.is_dir())

BEGIN = 1.0
"""When all streams of a folder begin, in seconds; each goes on in its own time."""


def streams_of(folder: Path) -> dict[str, list[str]]:
    """The lines of each stats stream, by the name of the file."""
    return {
        path.stem: path.read_text(encoding="utf-8").splitlines()
        for path in sorted(folder.glob("*.ndjson"))
        if "actions" not in path.name
    }


def as_recording(folder: Path, path: Path) -> Path:
    """One engine, with a container of its own for each stream of the folder."""
    names = {name: f"{number:064x}" for number, name in enumerate(streams_of(folder), 1)}
    messages = [*_hello(folder, names), *_streams(folder, names)]
    return write(path, sorted(messages, key=lambda message: message.t), "engine")


def _hello(folder: Path, names: dict[str, str]) -> Iterator[Message]:
    kind, version, *_ = folder.name.split("-")
    components = [{"Name": "Podman Engine"}] if kind == "podman" else []
    listed = [
        {"Id": key, "Names": [f"/{name}"], "Image": "img", "State": "running"}
        for name, key in names.items()
    ]
    answers: list[tuple[str, object]] = [
        ("/_ping", "OK"),
        ("/v1.41/version", {"Version": version, "Components": components}),
        ("/v1.41/containers/json", listed),
    ]
    for key in names.values():
        state = {"Status": "running"}  # no start: of these streams none was recorded
        answers.append((f"/v1.41/containers/{key}/json", {"Id": key, "State": state}))
    for number, (request, answer) in enumerate(answers, 1):
        yield Message(0.0, "asked", number, "engine", request)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        headers = {"api-version": "1.41"}
        yield Message(0.01, "reply", number, "engine", request, 200, headers, text=text)
    yield Message(0.0, "asked", 999, "engine", "/v1.41/events")
    yield Message(0.01, "opened", 999, "engine", "/v1.41/events", 200)


def _streams(folder: Path, names: dict[str, str]) -> Iterator[Message]:
    for number, (name, lines) in enumerate(streams_of(folder).items(), 1000):
        request = f"/v1.41/containers/{names[name]}/stats"
        yield Message(0.5, "asked", number, "engine", request)
        yield Message(0.5, "opened", number, "engine", request, 200)
        for at, line in zip(_times(lines), lines, strict=True):
            yield Message(at, "chunk", number, "engine", request, text=f"{line}\n")


def _times(lines: list[str]) -> Iterator[float]:
    """By the engine's own times; a second after the one before for empty frames."""
    at, before = BEGIN - 1, 0
    for line in lines:
        read = json.loads(line)["read"]
        now = 0 if read == NEVER else nanoseconds(read)
        at += max(0.0, (now - before) / 1e9) if now and before else 1.0
        before = now or (before and before + 10**9)
        yield round(at, 6)
