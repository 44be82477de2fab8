"""The engine's program, compiled when its sources have changed."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache/synthetic"

_COMPILE = ("cc", "-std=c11", "-O2")


class CannotBuild(Exception):
    """The engine cannot be compiled here; the text says why, and what to do."""


def missing() -> str:
    """What this machine lacks to build the engine, in words; empty when nothing is."""
    return "" if shutil.which(_COMPILE[0]) else "missing packages: gcc libc6-dev"


def built(cache: Path = CACHE) -> Path:
    """The program, for the sources as they are now; compiled if it is not in the cache.

    Raises:
        CannotBuild: there is no C compiler, or it refuses the sources.
    """
    sources = sorted(HERE.glob("*.c"))
    # Named after what it is made of: others may run, or make, another one at this moment.
    made_of = b"".join(path.read_bytes() for path in (*sources, HERE / "engine.h"))
    digest = hashlib.sha256(made_of + " ".join(_COMPILE).encode()).hexdigest()
    program = cache / f"engine-{digest[:12]}"
    if not program.exists():
        _compile(sources, program)
    return program


def _compile(sources: list[Path], program: Path) -> None:
    if missing():
        raise CannotBuild(
            "no C compiler (cc): install gcc and libc6-dev, or run make test as root."
        )
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / program.name
        compiling = subprocess.run(
            [*_COMPILE, "-o", str(made), *map(str, sources)],
            capture_output=True,
            text=True,
            check=False,
        )
        if compiling.returncode != 0:
            raise CannotBuild(f"the C compiler refuses the engine: {compiling.stderr.strip()}")
        made.replace(program)
