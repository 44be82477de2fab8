"""The original program's HOCON file as configuration."""

from pathlib import Path

import pytest

from tidegauge.config import CategoryFilter, EngineOptions, Loaded, load
from tidegauge.errors import ConfigError
from tidegauge.exporters.statsd import StatsdOptions

EXAMPLE = """
docker {
  host = "127.0.0.1"
  port = 2375
  containers = [{"container-1":"awesome-container-1"},{"container-2":"awesome-container-2"}]
}
"""

EVERYTHING = """
akka { loglevel = INFO }
docker.port = 2376
kamon {
  metric {
    tick-interval = 1 second
    track-unmatched-entities = yes
    filters {
      docker-cpu { includes = ["web*"], excludes = ["web-2"] }
      trace.includes = ["**"]
    }
  }
  statsd {
    hostname = ${?STATSD}
    port = "8126"
    flush-interval = 2500
    max-packet-size = 1k
    subscriptions { docker-cpu = ["**"], trace = ["a", "b"] }
    report-system-metrics = false
    simple-metric-key-generator {
      application = domino
      include-hostname = no
      hostname-override = dock
      metric-name-normalization-strategy = percent-encode
    }
  }
  modules.kamon-statsd.auto-start = yes
}
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(text: str, environ: dict[str, str] | None = None) -> Loaded:
    path = Path("application.conf")
    path.write_text(text, encoding="utf-8")
    return load(path, environ or {})


def statsd(text: str) -> StatsdOptions:
    options = loaded(text).options.exporters.statsd
    assert options is not None
    return options


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    return str(caught.value)


def test_the_original_example() -> None:
    """The file of the original's manual: one engine, two containers, StatsD with its defaults."""
    options = loaded(EXAMPLE).options

    assert options.engines == (EngineOptions(host="tcp://127.0.0.1:2375"),)
    assert options.containers == {
        "container-1": "awesome-container-1",
        "container-2": "awesome-container-2",
    }
    assert options.filters.include == ()
    assert options.exporters.statsd == StatsdOptions()
    assert loaded(EXAMPLE).notices == ()


def test_every_setting_of_the_original() -> None:
    """Each setting arrives where it belongs, with HOCON's durations, sizes and truths."""
    options = loaded(EVERYTHING, {"STATSD": "graphite"}).options

    assert options.tick_interval == 1
    assert options.engines == (EngineOptions(host="tcp://127.0.0.1:2376"),)
    assert options.filters.include == ("**",)
    assert options.filters.categories == {
        "docker-cpu": CategoryFilter(include=("web*",), exclude=("web-2",))
    }
    assert options.exporters.statsd == StatsdOptions(
        host="graphite",
        port=8126,
        application="domino",
        include_hostname=False,
        hostname_override="dock",
        max_packet_size=1024,
        name_normalization="percent-encode",
        flush_interval=2.5,
        subscriptions={"docker-cpu": ["**"], "trace": ["a", "b"]},
    )


def test_what_is_passed_over_is_said() -> None:
    """Settings of the Scala runtime are no mistakes, and each is named in a notice."""
    assert loaded(EVERYTHING).notices == tuple(
        f"application.conf: {key} is ignored; Tidegauge has no such setting."
        for key in (
            "akka",
            "kamon.metric.track-unmatched-entities",
            "kamon.metric.filters.trace",
            "kamon.statsd.report-system-metrics",
            "kamon.modules",
        )
    )


def test_variables_lie_over_a_hocon_file() -> None:
    """The environment wins over this file too."""
    environ = {"TIDEGAUGE_EXPORTERS_STATSD_HOST": "here", "TIDEGAUGE_ENGINES": "a=unix:///a"}
    options = loaded(EVERYTHING, environ).options

    assert options.exporters.statsd is not None
    assert options.exporters.statsd.host == "here"
    assert options.exporters.statsd.port == 8126
    assert options.engines == (EngineOptions(name="a", host="unix:///a"),)


def test_included_files_are_found_beside_the_file() -> None:
    """An include is relative to the file, not to the working directory."""
    Path("conf").mkdir()
    Path("conf/base.conf").write_text("docker.port = 1234", encoding="utf-8")
    Path("conf/main.hocon").write_text('include "base"\n', encoding="utf-8")

    options = load(Path("conf/main.hocon"), {}).options

    assert options.engines[0].host == "tcp://127.0.0.1:1234"


@pytest.mark.parametrize("override", ["none", '""', "null"])
def test_no_hostname_override(override: str) -> None:
    """The original's "none" is our empty name."""
    block = f"kamon.statsd.simple-metric-key-generator.hostname-override = {override}"

    assert statsd(block).hostname_override == ""


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("docker.host = db", "tcp://db:2375"),
        ('docker.host = "::1"', "tcp://[::1]:2375"),
        ('docker.host = "unix:///run/x.sock"', "unix:///run/x.sock"),
        ("docker.host = null", ""),
        ("", ""),
    ],
)
def test_the_engine_address(host: str, url: str) -> None:
    """Host and port make one address; a whole URL is taken as it is; nothing means the default."""
    assert loaded(host).options.engines == (EngineOptions(host=url),)


def test_containers_as_one_block() -> None:
    """A block of names is as good as a list of blocks."""
    assert loaded('docker.containers { "web.1" = web }').options.containers == {"web.1": "web"}


def test_flushes_follow_a_longer_tick() -> None:
    """A tick interval alone cannot make the file invalid."""
    assert statsd("kamon.metric.tick-interval = 1 minute").flush_interval == 60


@pytest.mark.parametrize(
    ("size", "expected"), [("1024 bytes", 1024), ("1k", 1024), ("2kB", 2000), ("512", 512)]
)
def test_sizes(size: str, expected: int) -> None:
    """Byte sizes in HOCON's notations."""
    assert statsd(f"kamon.statsd.max-packet-size = {size}").max_packet_size == expected


KEYS = "kamon.statsd.simple-metric-key-generator"

MISTAKES = {
    "docker {\n  port = }": ", line 2: not valid HOCON: expected value.",
    "docker.host = ${NOWHERE}": (
        ", line 1: not valid HOCON: could not resolve substitution: ${NOWHERE}."
    ),
    'include required("absent.conf")': (
        ": not valid HOCON: required include file not found: absent.conf."
    ),
    'a = "\\\n"': r", line 1: not valid HOCON: unknown escape sequence: \\n.",
    "[1] x": ", line 1: not valid HOCON: unexpected token 'x' after root array.",
    "[1]": ": not valid HOCON: must hold settings, not a list.",
    "a = " + "[" * 5000: ", line 1: not valid HOCON: input is nested too deeply.",
    "docker = 3": ': docker must be a block, not "3".',
    "docker.prot = 1": ": unknown key docker.prot; did you mean port?",
    "docker.port = 70000": ": docker.port must be at most 65535, not 70000.",
    "docker.port = high": ': docker.port must be a whole number, not "high".',
    "docker.host = [a]": ": docker.host must be text in quotes, not a list.",
    'docker.host = "ftp://a"': (
        ': docker.host must begin with unix://, tcp://, http://, https:// or ssh://, not "ftp://a".'
    ),
    "docker.containers = web": (
        ': docker.containers must be a list such as [{"id": "alias"}], not "web".'
    ),
    "docker.containers = [{a = b}, {a = c}]": (
        ': docker.containers names "a" twice; keep one of them.'
    ),
    "docker.containers = [{a = x}, {b = x}]": (
        ': docker.containers gives the alias "x" to both "a" and "b"; give each its own.'
    ),
    "docker.containers = [{web.1 = x}]": (
        ": docker.containers.web must be text in quotes, not a table; a key with dots needs quotes."
    ),
    "docker.containers = [{web = null}]": (
        ": docker.containers.web must be text in quotes, not nothing."
    ),
    "dokcer.port = 1": ": unknown key dokcer; did you mean docker?",
    "kamon.statds.port = 1": ": unknown key kamon.statds; did you mean statsd?",
    "kamon.statsd.host = a": ": unknown key kamon.statsd.host; did you mean hostname?",
    "kamon.statsd.port = 0": ": kamon.statsd.port must be at least 1, not 0.",
    "kamon.statsd.max-packet-size = big": (
        ': kamon.statsd.max-packet-size must be a size such as "1024 bytes", not "big".'
    ),
    "kamon.statsd.max-packet-size = 1 byte": (
        ": kamon.statsd.max-packet-size must be at least 64, not 1."
    ),
    "kamon.statsd.flush-interval = soon": (
        ': kamon.statsd.flush-interval must be a duration such as "10s", not "soon".'
    ),
    "kamon.statsd.flush-interval = 1s": (
        ": kamon.statsd.flush-interval (1s) must not be shorter than"
        " kamon.metric.tick-interval (10s)."
    ),
    "kamon.statsd.subscriptions = all": (
        ': kamon.statsd.subscriptions must be a table, not "all".'
    ),
    f"{KEYS}.include-hostname = maybe": (
        f': {KEYS}.include-hostname must be true or false, not "maybe".'
    ),
    f"{KEYS}.metric-name-normalization-strategy = none": (
        f": {KEYS}.metric-name-normalization-strategy must be one of"
        ' "normalize", "percent-encode", not "none".'
    ),
    "kamon.metric.tick-interval = 0 s": (
        ': kamon.metric.tick-interval must be more than 0s, not "0 s".'
    ),
    "kamon.metric.interval = 1 s": (
        ": unknown key kamon.metric.interval; did you mean tick-interval?"
    ),
    "kamon.metric.sender = a": (
        ": unknown key kamon.metric.sender; known here: filters, tick-interval."
    ),
    "kamon.metric.filters.docker-cup.includes = []": (
        ": unknown key kamon.metric.filters.docker-cup; did you mean docker-cpu?"
    ),
    "kamon.metric.filters.docker-cpu.include = []": (
        ": unknown key kamon.metric.filters.docker-cpu.include; did you mean includes?"
    ),
    'kamon.metric.filters.docker-cpu.includes = "a"': (
        ': kamon.metric.filters.docker-cpu.includes must be a list such as ["a", "b"], not "a".'
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_mistakes_are_named_as_the_file_names_them(text: str, sentence: str) -> None:
    """Errors speak of the keys of this file, not of ours."""
    assert refusal(text) == f"application.conf{sentence}"
