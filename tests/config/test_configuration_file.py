"""A TOML file: what is taken, and the sentence for each mistake."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates import Authority
from tidegauge.config import EngineOptions, ExportersOptions, LogOptions, Options, load
from tidegauge.docker.endpoint import Tls
from tidegauge.errors import ConfigError
from tidegauge.exporters import EXPORTERS
from tidegauge.exporters.statsd import StatsdOptions


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def options(text: str) -> Options:
    path = Path("tidegauge.toml")
    path.write_text(text, encoding="utf-8")
    return load(path, {}).options


def refusal(content: str | bytes) -> str:
    path = Path("tidegauge.toml")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return str(caught.value)


def test_no_configuration_is_needed() -> None:
    """Without file and variables every option has its default."""
    loaded = load(None, {})

    assert loaded.options == Options()
    assert loaded.notices == ()


def test_an_empty_file_changes_nothing() -> None:
    """An empty file is as good as none."""
    assert options("") == Options()


@pytest.mark.parametrize(
    ("spelled", "seconds"), [('"250ms"', 0.25), ('"1m30s"', 90.0), ("5", 5.0), ("0.5", 0.5)]
)
def test_durations_are_text_or_seconds(spelled: str, seconds: float) -> None:
    """A duration may be written with units, or as a number of seconds."""
    assert options(f"tick_interval = {spelled}").tick_interval == seconds


def test_an_empty_table_switches_an_exporter_on() -> None:
    """The table is the switch, its options are optional."""
    assert options("").exporters.statsd is None
    assert options("[exporters.statsd]").exporters.statsd == StatsdOptions()


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_flush_interval_follows_a_longer_tick(exporter: str) -> None:
    """No exporter sends more often than there is something new, without being told."""
    text = f'tick_interval = "1m"\n[exporters.{exporter}]'

    assert getattr(options(text).exporters, exporter).flush_interval == 60


def test_the_flush_interval_may_be_longer_than_a_tick() -> None:
    """A flush interval that is set is kept."""
    text = 'tick_interval = "1s"\n[exporters.statsd]\nflush_interval = "1s"'
    statsd = options(text).exporters.statsd

    assert statsd is not None
    assert statsd.flush_interval == 1


def test_several_engines() -> None:
    """Each [[engines]] table is one engine, with any of the addresses an engine can have."""
    hosts = ["", "unix:///run/x.sock", "tcp://db:2375", "tcp://db", "http://[::1]:1/"]
    text = "".join(
        f'[[engines]]\nname = "e{at}"\nhost = "{host}"\n' for at, host in enumerate(hosts)
    )

    assert options(text).engines == tuple(
        EngineOptions(name=f"e{at}", host=host) for at, host in enumerate(hosts)
    )


def test_named_containers_alone_are_watched() -> None:
    """With [containers] and without filters, nothing else is included."""
    loaded = options('[containers]\n"web.1" = "web"')

    assert loaded.containers == {"web.1": "web"}
    assert loaded.filters.include == ()


@pytest.mark.parametrize(
    ("line", "include"),
    [('include = ["a"]', ("a",)), ('exclude = ["b"]', ("**",)), ("include = []", ())],
)
def test_a_filter_beside_named_containers_decides(line: str, include: tuple[str, ...]) -> None:
    """Once include or exclude is set, include means what it says."""
    assert options(f'[filters]\n{line}\n[containers]\na = "x"').filters.include == include


def test_category_filters_leave_the_choice_of_containers_alone() -> None:
    """A filter of one category does not make other containers watched."""
    text = '[containers]\na = "x"\n[filters.categories.docker-cpu]\nexclude = ["x*"]'
    filters = options(text).filters

    assert filters.include == ()
    assert filters.categories["docker-cpu"].exclude == ("x*",)


def test_patterns_with_every_prefix() -> None:
    """The prefixes of the manual are all accepted."""
    patterns = ["web-*", "image:**/nginx:*", "label:a=b", "label:a", "project:shop", "id:0f*"]

    assert options(f"[filters]\ninclude = {patterns}").filters.include == tuple(patterns)


def test_windows_files_are_read() -> None:
    """A byte order mark and carriage returns do no harm."""
    Path("tidegauge.toml").write_bytes(b'\xef\xbb\xbf[log]\r\nlevel = "debug"\r\n')

    assert load(Path("tidegauge.toml"), {}).options.log == LogOptions(level="debug")


def test_a_file_of_any_other_name_is_toml() -> None:
    """Only .conf and .hocon mean HOCON."""
    Path("settings").write_text("tick_interval = 5", encoding="utf-8")

    assert load(Path("settings"), {}).options.tick_interval == 5


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.toml", "no such file"),
        ("folder", "it is a directory"),
        ("file/tidegauge.toml", "no such file"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, reason: str) -> None:
    """The sentence names the file as the user did, and the reason."""
    Path("folder").mkdir()
    Path("file").touch()

    with pytest.raises(ConfigError) as caught:
        load(Path(name), {})

    assert str(caught.value) == f"cannot read {name}: {reason}."


def test_a_forbidden_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused by the system is said with the remedy, also to tests that run as root."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(ConfigError) as caught:
        load(Path("tidegauge.toml"), {})

    assert str(caught.value) == (
        "cannot read tidegauge.toml: permission denied; let the user that runs Tidegauge read it."
    )


SYNTAX = {
    b"a = 1\nb = \xff": "tidegauge.toml, line 2: not UTF-8 text; save the file as UTF-8.",
    b"[log]\nlevel = 'info'\nx = ": "tidegauge.toml, line 3: not valid TOML: invalid value.",
    b"a = " + b"[" * 5000: "tidegauge.toml: not valid TOML: nested too deeply.",
    b"a = " + b"1" * 5000: "tidegauge.toml: not valid TOML: a number is too long.",
}


@pytest.mark.parametrize(("content", "sentence"), SYNTAX.items(), ids=range(len(SYNTAX)))
def test_syntax_errors_name_the_line(content: bytes, sentence: str) -> None:
    """A file that is no TOML is refused with its name, and the line where there is one."""
    assert refusal(content) == sentence


PREFIX = "tidegauge.toml: "
STATSD = "[exporters.statsd]\n"
DURATION = 'tick_interval must be a duration such as "10s", not'
SCHEMES = "unix://, tcp://, http://, https:// or ssh://"

MISTAKES = {
    'tick_interval = "-5s"': f'{DURATION} "-5s".',
    'tick_interval = "soon"': f'{DURATION} "soon".',
    "tick_interval = true": f"{DURATION} true.",
    "tick_interval = nan": f"{DURATION} nan.",
    "tick_interval = 07:32:00": f"{DURATION} a date.",
    "tick_interval = 1" + "0" * 400: f"{DURATION} such a large number.",
    "tick_interval = [1]": f"{DURATION} a list.",
    "tick_interval = -5": "tick_interval must be more than 0s, not -5.",
    'tick_interval = "0s"': 'tick_interval must be more than 0s, not "0s".',
    'tick_interval = "1h"': 'tick_interval must be at most 10m, not "1h".',
    "tick-interval = 1": "unknown key tick-interval; did you mean tick_interval?",
    "Log.level = 'info'": "unknown key Log; did you mean log?",
    "exporters = 3": "exporters must be a table, not 3.",
    "[exporters.statds]": "unknown key exporters.statds; did you mean statsd?",
    "[exporters.zzz]": (
        f"unknown key exporters.zzz; known here: {', '.join(ExportersOptions.__struct_fields__)}."
    ),
    STATSD + "prot = 8125": "unknown key exporters.statsd.prot; did you mean port?",
    STATSD + "port = 70000": "exporters.statsd.port must be at most 65535, not 70000.",
    STATSD + "port = 0": "exporters.statsd.port must be at least 1, not 0.",
    STATSD + 'port = "8125"': 'exporters.statsd.port must be a whole number, not "8125".',
    STATSD + "port = 8.5": "exporters.statsd.port must be a whole number, not 8.5.",
    STATSD + "port = true": "exporters.statsd.port must be a whole number, not true.",
    STATSD + "port = 0x" + "f" * 5000: (
        "exporters.statsd.port must be at most 65535, not such a large number."
    ),
    STATSD + "host = 5": "exporters.statsd.host must be text in quotes, not 5.",
    '[exporters.graphite]\nspool = "a\\u0000b"': (
        "exporters.graphite.spool must not hold a null character."
    ),
    STATSD + "max_packet_size = 0": "exporters.statsd.max_packet_size must be at least 64, not 0.",
    STATSD + 'include_hostname = "yes"': (
        'exporters.statsd.include_hostname must be true or false, not "yes".'
    ),
    STATSD + 'name_normalization = "none"': (
        "exporters.statsd.name_normalization must be one of"
        ' "normalize", "percent-encode", not "none".'
    ),
    STATSD + 'flush_interval = "5s"': (
        "exporters.statsd.flush_interval (5s) must not be shorter than tick_interval (10s)."
    ),
    STATSD + 'subscriptions = { "docker-*" = "**" }': (
        'exporters.statsd.subscriptions."docker-*" must be a list such as ["a", "b"], not "**".'
    ),
    STATSD + 'subscriptions = { "docker-*" = ["a", 1] }': (
        'exporters.statsd.subscriptions."docker-*"[1] must be text in quotes, not 1.'
    ),
    "containers = []": "containers must be a table, not a list.",
    '[containers]\na = ""': 'containers.a must be an alias, not "".',
    '[containers]\n"" = "a"': 'containers has an alias without a container: "a".',
    '[containers]\na = "x"\nb = "x"': (
        'containers gives the alias "x" to both "a" and "b"; give each its own.'
    ),
    '[containers]\nweb.1 = "x"': (
        "containers.web must be text in quotes, not a table; a key with dots needs quotes."
    ),
    'filters.include = "a"': 'filters.include must be a list such as ["a", "b"], not "a".',
    'filters.exclude = ["a", "imgae:x"]': (
        "filters.exclude[1] must be a container name or begin with one of"
        ' image:, label:, project:, id:, state:, not "imgae:x".'
    ),
    'filters.include = ["image:"]': 'filters.include[0] must hold a pattern, not "image:".',
    'filters.include = [""]': 'filters.include[0] must hold a pattern, not "".',
    "[filters.categories.docker-mem]": (
        "unknown key filters.categories.docker-mem; did you mean docker-memory?"
    ),
    "[filters.categories.trace]": (
        "unknown key filters.categories.trace; known here:"
        " docker-blkio, docker-cpu, docker-memory, docker-network, docker-pids."
    ),
    "[engines]": "engines must be a list of tables, each headed [[engines]], not a table.",
    "engines = []": "engines must name at least one engine, or be left out.",
    'engines = ["tcp://a"]': 'engines[0] must be a table, not "tcp://a".',
    "[[engines]]\nname = ''": 'engines[0].name must be a name, not "".',
    "[[engines]]\n[[engines]]": 'engines has 2 engines called "local"; give each its own name.',
    "[[engines]]\nhosts = ''": "unknown key engines[0].hosts; did you mean host?",
    "[[engines]]\nhost = 'ssh://-a'": (
        'engines[0].host must be an address such as ssh://user@docker-host, not "ssh://-a".'
    ),
    "[[engines]]\nhost = 'ssh://a:b@c'": (
        "engines[0].host must not hold a password; ssh takes keys from its agent or configuration."
    ),
    "[[engines]]\nhost = 'tcp://a'\ncontext = 'b'": (
        "engines[0].context cannot be set beside host; keep one of them."
    ),
    "[[engines]]\ntls = { ca = 'ca.pem' }": (
        "engines[0].tls is only for an engine whose host begins with tcp:// or https://."
    ),
    "[[engines]]\nhost = 'unix:///s'\ntls = { verify = false }": (
        "engines[0].tls is only for an engine whose host begins with tcp:// or https://."
    ),
    "[[engines]]\nhost = 'tcp://a'\ntls = { cert = 'cert.pem' }": (
        "engines[0].tls.key is missing, without which cert is of no use."
    ),
    "[[engines]]\nhost = 'tcp://a'\ntls = { ca = 'no/ca.pem' }": (
        "engines[0].tls.ca (no/ca.pem) cannot be read: no such file or directory."
    ),
    "[[engines]]\nhost = 'tcp://a'\ntls = { certs = 'ca.pem' }": (
        "unknown key engines[0].tls.certs; did you mean cert?"
    ),
    "[[engines]]\nhost = 'tcp://a'\ntls = true": ("engines[0].tls must be a table, not true."),
    "[[engines]]\nhost = 'ftp://a'": f'engines[0].host must begin with {SCHEMES}, not "ftp://a".',
    "[[engines]]\nhost = 'a:2375'": f'engines[0].host must begin with {SCHEMES}, not "a:2375".',
    "[[engines]]\nhost = 'unix://a'": (
        'engines[0].host must be a full path such as unix:///run/docker.sock, not "unix://a".'
    ),
    "[[engines]]\nhost = 'tcp://a:70000'": (
        'engines[0].host must have a port from 1 to 65535, not "tcp://a:70000".'
    ),
    "[[engines]]\nhost = 'tcp://a:0'": (
        'engines[0].host must have a port from 1 to 65535, not "tcp://a:0".'
    ),
    "[[engines]]\nhost = 'tcp://a/b'": (
        'engines[0].host must be an address such as tcp://127.0.0.1:2375, not "tcp://a/b".'
    ),
    "[[engines]]\nhost = 'tcp://:2375'": (
        'engines[0].host must be an address such as tcp://127.0.0.1:2375, not "tcp://:2375".'
    ),
    "[log]\nlevel = 'loud'": (
        'log.level must be one of "debug", "error", "info", "warning", not "loud".'
    ),
    "[log]\nformat = 'JSON'": (
        'log.format must be one of "auto", "console", "json", "logfmt", not "JSON".'
    ),
}


@pytest.mark.parametrize(("text", "sentence"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_mistakes_name_file_and_key(text: str, sentence: str) -> None:
    """Each mistake is one sentence: which file and key, what was expected, what was found."""
    assert refusal(text) == f"{PREFIX}{sentence}"


def test_long_values_are_cut() -> None:
    """A sentence stays readable however long the wrong value is."""
    assert refusal(f"tick_interval = '{'x' * 5000}'") == f'{PREFIX}{DURATION} "{"x" * 77}...".'


WORDS = ["tick_interval", "engines", "exporters", "statsd", "docker", "kamon", "containers", "a"]
SIGNS = [".", "=", "[", "]", "{", "}", '"', "'", ",", "\n", "#", "${", "\\", "\x00", "é", "-"]
VALUES = ["10s", "1", "null", "true", "include ", "url(", " "]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.sampled_from([*WORDS, *SIGNS, *VALUES]), max_size=25),
    name=st.sampled_from(["tidegauge.toml", "application.conf"]),
)
def test_no_text_is_a_traceback(parts: list[str], name: str) -> None:
    """Whatever is in a file, it is taken or refused in one line that names the file."""
    path = Path(name)
    path.write_text("".join(parts), encoding="utf-8")

    said = ""
    try:
        load(path, {})
    except ConfigError as error:
        said = str(error)

    assert not said or said.startswith(name)
    assert not {"\n", "`"} & {*said}


def test_certificates_are_found_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """From wherever it is read; whole paths stay as they are."""
    pair = Authority(tmp_path / "certs").signed("monitor")
    path = tmp_path / "tidegauge.toml"
    host = 'host = "tcp://a"'
    tls = f'ca = "certs/ca.pem", cert = "certs/monitor-cert.pem", key = "{pair.key}"'
    path.write_text(f"[[engines]]\n{host}\ntls = {{ {tls} }}\n", encoding="utf-8")

    assert load(path, {}).options.engines == (
        EngineOptions(
            host="tcp://a",
            tls=Tls(ca=str(tmp_path / "certs/ca.pem"), cert=str(pair.cert), key=str(pair.key)),
        ),
    )


def test_a_key_of_another_certificate_is_a_mistake(tmp_path: Path) -> None:
    """One sentence with the key in the file, and both files."""
    one, other = (Authority(tmp_path / name).signed("it") for name in ("one", "other"))
    path = tmp_path / "tidegauge.toml"
    tls = f'cert = "{one.cert}", key = "{other.key}"'
    path.write_text(f'[[engines]]\nhost = "tcp://a"\ntls = {{ {tls} }}\n', encoding="utf-8")

    with pytest.raises(ConfigError) as error:
        load(path, {})
    assert str(error.value) == (
        f"{path}: engines[0].tls.key ({other.key}) is not the key of the certificate {one.cert}."
    )
