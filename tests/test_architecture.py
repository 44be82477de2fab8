"""The shape of the code, held by its own syntax trees: who imports whom, sizes, no hidden state."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from tidegauge.config import ExportersOptions, sample
from tidegauge.exporters import EXPORTERS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tidegauge"

# Who may import whom: a package or a top module, and what it may name of the others. A name
# stands for itself and for what is inside it. A package may always import its own modules.
MAY_IMPORT = {
    "errors": "",
    "clock": "",
    "units": "",
    "backoff": "",
    "catching_up": "",
    "globs": "",
    "journal": "",
    "streams": "errors clock",
    "docker": "backoff errors clock journal globs streams",
    "cgroups": "errors clock docker.descriptors docker.frames",
    "simulation": "clock docker.endpoint docker.wire",
    "readings": "globs docker.frames docker.intervals docker.lives",
    "doubts": "journal docker.intervals readings.layout",
    "host": "clock streams",
    "metrics": (
        "clock host readings docker.frames docker.intervals docker.lives docker.resources"
        " docker.stock"
    ),
    "prometheus": "clock journal metrics docker.frames",
    "history": (
        "catching_up errors clock journal docker.frames docker.intervals docker.lives host"
        " readings.layout metrics prometheus.names"
    ),
    "fleet": "errors clock history.prometheus history.prometheus_server history.prometheus_series"
    " metrics prometheus.names",
    "exporters": (
        "__init__ backoff errors clock journal globs units host metrics docker.frames"
        " prometheus.names"
    ),
    "web": (
        "__init__ backoff catching_up errors clock journal globs readings metrics history fleet"
        " prometheus.text"
        " docker.frames docker.intervals docker.lives docker.resources exporters.delivery"
    ),
    "terminal": "",
    "config": (
        "errors clock journal units docker.direct docker.endpoint docker.pacing docker.tls"
        " exporters.file exporters.graphite"
        " exporters.influxdb exporters.otlp exporters.remote_write exporters.statsd history.options"
        " web.options"
    ),
    "pipeline": (
        "catching_up journal globs streams docker.frames docker.intervals docker.lives docker.stock"
        " host readings doubts metrics exporters"
    ),
    "logs": "config terminal",
    "arguments": "__init__ errors docker.endpoint config terminal top.columns",
    "readiness": "clock docker.following metrics",
    "here": "cgroups clock journal docker.direct docker.endpoint config",
    "buffers": "clock journal streams",
    "app": (
        "__init__ buffers clock journal globs streams docker here history fleet host metrics"
        " prometheus exporters"
        " terminal web config pipeline readiness simulation"
    ),
    "health": "web.options",
    "check": "errors clock journal docker here exporters terminal web.options config app",
    "doctor": (
        "errors clock journal terminal docker config history.options history.ownership web.options"
        " app check"
    ),
    "once": "errors journal docker readings terminal config app",
    "signals": "terminal",
    "session": "clock history.opening journal terminal config app signals",
    "repeated": "history metrics",
    "demo": (
        "clock journal streams docker.client docker.endpoint history terminal playback repeated"
        " signals simulation web.options config app"
    ),
    "dashboards": (
        "errors host.proc metrics prometheus.names prometheus.cadvisor_names exporters.graphite"
        " exporters.naming exporters.places config.places terminal.text"
    ),
    "top": "backoff clock errors journal streams terminal web config logs app",
    "record": "__init__ errors clock journal streams docker terminal config app signals",
    "playback": "clock",
    "tally": "docker.frames metrics terminal",
    "replay": (
        "clock journal streams docker metrics exporters terminal config app playback signals tally"
    ),
    "cli": (
        "errors clock journal streams.drawing docker.tape terminal config logs arguments app check"
        " dashboards.command demo doctor.command health once session record playback replay top"
    ),
    "__init__": "",
    "__main__": "cli health",
}

# Packages that are not Python's own; msgspec's structs may be used everywhere.
THIRD_PARTY = {
    "msgspec": set(MAY_IMPORT),
    "aiohttp": {
        *("docker.transport", "docker.connectors", "docker.troubles", "exporters.http"),
        *("history.prometheus_server", "web", "top.agent"),
    },
    "cramjam": {"exporters.remote_write"},
    "google": {"exporters.otlp_messages"},
    "grafana_foundation_sdk": {"dashboards.grafana", "dashboards.pictures"},
    "hocon": {"config.hocon"},
    "opentelemetry": {"exporters.otlp_messages"},
    "rich": {"top"},
    "structlog": {"logs", "journal"},
    "textual": {"top"},
}

# Modules of `exporters` that are not an exporter themselves but lent to all.
SHARED_BY_EXPORTERS = {
    *("__init__", "backlog", "delivery", "http", "line_protocol", "naming", "options"),
    *("otlp_messages", "places", "senders", "spool", "statsd_format"),
}

# Calls of these at the top of a module would be state that all users of the process share.
STATEFUL = {"asyncio", "threading", "socket", "aiohttp", "logging", "structlog", "contextvars"}

UNWANTED = ("../" + "shared", "/wo" + "rk/", "pypi" + ".org", "registry.npm" + "js.org")

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted(SOURCE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

each_module = pytest.mark.parametrize("module", MODULES)
each_exporter = pytest.mark.parametrize("exporter", EXPORTERS)


def imports(module: str) -> Iterator[str]:
    """Full names of all it imports, wherever in the file."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            origin = str(node.module)
            inner = [f"{origin}.{alias.name}".removeprefix("tidegauge.") for alias in node.names]
            modules = [name for name in inner if name in MODULES or f"{name}.__init__" in MODULES]
            yield from (f"tidegauge.{name}" for name in modules)
            if len(modules) < len(inner):
                yield origin


def own_imports(module: str) -> Iterator[str]:
    """The same, of our own modules only and without the package's name."""
    for name in imports(module):
        if name.partition(".")[0] == "tidegauge":
            yield name.partition(".")[2] or "__init__"


def top(module: str) -> str:
    return module.partition(".")[0]


@each_module
def test_imports_keep_to_the_table(module: str) -> None:
    """Data flows one way; a package knows only what it stands on."""
    allowed = MAY_IMPORT[top(module)].split()

    for name in own_imports(module):
        parts = name.split(".")
        known = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
        assert top(name) == top(module) or known & {*allowed}, f"{module} may not import {name}"


@each_module
def test_third_party_packages_stay_behind_their_seam(module: str) -> None:
    """Each has one place where it is known, so that it can be replaced there."""
    for name in map(top, imports(module)):
        if name != "tidegauge" and name not in sys.stdlib_module_names:
            places = THIRD_PARTY.get(name, set())
            assert {module, top(module)} & places, f"{module} may not import {name}"


def test_the_table_is_in_use_and_in_order() -> None:
    """Every module has a row, no row allows what nobody needs, and none allows a circle."""
    used = {
        (top(module), allowed)
        for module in MODULES
        for name in own_imports(module)
        for allowed in MAY_IMPORT[top(module)].split()
        if f"{name}.".startswith(f"{allowed}.")
    }
    rows = {(row, allowed) for row, names in MAY_IMPORT.items() for allowed in names.split()}
    above: set[str] = set()
    while left := MAY_IMPORT.keys() - above:
        ready = {row for row in left if {top(name) for name in MAY_IMPORT[row].split()} <= above}
        assert ready, f"a circle among {left}"
        above |= ready

    assert rows - used == set()
    assert MAY_IMPORT.keys() == {top(module) for module in MODULES}


def test_exporters_do_not_import_each_other() -> None:
    """What two of them need moves to a module that all share."""
    exporters = {name for name in MODULES if top(name) == "exporters"}
    shared = {f"exporters.{name}" for name in SHARED_BY_EXPORTERS}

    assert exporters - shared == {f"exporters.{name}" for name in EXPORTERS}
    for module in exporters - {"exporters.__init__"}:
        assert {name for name in own_imports(module) if top(name) == "exporters"} <= shared


@each_module
def test_files_and_functions_are_short_and_explained(module: str) -> None:
    """A file has at most 400 lines and says what it is; a function has at most 40."""
    tree = TREES[module]

    assert ast.get_docstring(tree)
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 40, f"{node.name} is too long"


@each_module
def test_importing_a_module_does_nothing(module: str) -> None:
    """At the top stand imports, definitions and constants; state is made by who composes."""
    for node in TREES[module].body:
        if isinstance(node, ast.Expr) and module != "__main__":
            assert isinstance(node.value, ast.Constant), f"line {node.lineno} runs on import"
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    origin = ast.unparse(call.func).partition(".")[0]
                    assert origin not in STATEFUL, f"line {node.lineno} holds shared state"
    assert not any(isinstance(node, ast.Global) for node in ast.walk(TREES[module]))


@each_module
def test_only_the_commands_print(module: str) -> None:
    """Everything else returns text, or logs."""
    named = {node.id for node in ast.walk(TREES[module]) if isinstance(node, ast.Name)}

    assert "print" not in named or module == "cli"


@each_exporter
def test_an_exporter_comes_complete(exporter: str) -> None:
    """Options, a section of the sample configuration, golden cases and a page."""
    golden = ROOT / "tests/exporters/golden" / exporter

    assert exporter in {field.name for field in fields(ExportersOptions)}
    assert f"# [exporters.{exporter}]\n" in sample()
    assert any(golden.glob("*/expected.*")), f"no golden case in {golden}"
    assert (ROOT / "docs/exporters" / f"{exporter}.md").is_file()


def test_no_text_speaks_of_a_developers_machine() -> None:
    """What is committed makes sense to who has nothing but the repository."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a checkout that git can read")

    for name in listing.stdout.decode().split("\0")[:-1]:
        if (path := ROOT / name).is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert [word for word in UNWANTED if word in text] == [], name
