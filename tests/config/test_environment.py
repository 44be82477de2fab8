"""Options by environment variables."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegauge.config import EngineOptions, Options, load
from tidegauge.errors import ConfigError
from tidegauge.exporters.statsd import StatsdOptions


def options(**environ: str) -> Options:
    return load(None, {f"TIDEGAUGE_{name}": value for name, value in environ.items()}).options


def statsd(**environ: str) -> StatsdOptions:
    prefixed = {f"EXPORTERS_STATSD_{name}": value for name, value in environ.items()}
    found = options(**prefixed).exporters.statsd
    assert found is not None
    return found


def refusal(**environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        options(**environ)
    return str(caught.value)


def test_variables_of_others_are_left_alone() -> None:
    """Only names with our prefix are looked at."""
    assert load(None, {"PATH": "/bin", "TIDEGAUGES": "x", "tidegauge_x": "y"}).options == Options()


def test_every_kind_of_value() -> None:
    """Text, numbers, truths, durations, lists and tables each have a notation."""
    found = options(
        TICK_INTERVAL="30s",
        AGENT_HOSTNAME="web-1",
        ENGINES="a=tcp://a:2375, b=unix:///b.sock",
        CONTAINERS="0123=web,db.1=db",
        FILTERS_INCLUDE="web-*, label:a=b",
        FILTERS_EXCLUDE="",
        FILTERS_CATEGORIES_DOCKER_CPU_INCLUDE="web-*",
        LOG_LEVEL="debug",
    )

    assert found.tick_interval == 30
    assert found.agent.hostname == "web-1"
    assert found.engines == (
        EngineOptions(name="a", host="tcp://a:2375"),
        EngineOptions(name="b", host="unix:///b.sock"),
    )
    assert found.containers == {"0123": "web", "db.1": "db"}
    assert found.filters.include == ("web-*", "label:a=b")
    assert found.filters.exclude == ()
    assert found.filters.categories["docker-cpu"].include == ("web-*",)
    assert found.log.level == "debug"


def test_a_variable_switches_its_exporter_on() -> None:
    """Setting one of an exporter's options is asking for it."""
    assert statsd(HOST="graphite") == StatsdOptions(host="graphite")


def test_lists_in_tables_grow_by_repetition() -> None:
    """A repeated name adds to its list."""
    found = statsd(SUBSCRIPTIONS="docker-cpu=a,docker-cpu=b,docker-*=**")

    assert found.subscriptions == {"docker-cpu": ["a", "b"], "docker-*": ["**"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("true", "Yes", "on", "1")),
        *((text, False) for text in ("false", "no", "OFF", "0")),
    ],
)
def test_truths(text: str, value: bool) -> None:
    """The usual words for true and false, by any case."""
    assert statsd(INCLUDE_HOSTNAME=text).include_hostname is value


def test_a_bare_number_is_seconds() -> None:
    """Durations need no unit here either."""
    assert options(TICK_INTERVAL="2.5").tick_interval == 2.5


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    """A variable replaces the file's value, whole lists and tables too, and leaves the rest."""
    path = tmp_path / "tidegauge.toml"
    path.write_text(
        '[containers]\na = "x"\n[exporters.statsd]\nhost = "file"\nport = 1\n', encoding="utf-8"
    )
    environ = {"TIDEGAUGE_CONTAINERS": "b=y", "TIDEGAUGE_EXPORTERS_STATSD_HOST": "variable"}

    found = load(path, environ).options

    assert found.containers == {"b": "y"}
    assert found.exporters.statsd == StatsdOptions(host="variable", port=1)


def test_a_value_from_a_file(tmp_path: Path) -> None:
    """With _FILE the value is the file's text without the end of its last line."""
    path = tmp_path / "secret"
    path.write_text("graphite\n", encoding="utf-8")

    assert statsd(HOST_FILE=str(path)).host == "graphite"


def test_a_value_file_that_is_missing(tmp_path: Path) -> None:
    """The sentence names the file and the variable that names it."""
    path = tmp_path / "secret"

    assert refusal(EXPORTERS_STATSD_PORT_FILE=str(path)) == (
        f"cannot read {path} (TIDEGAUGE_EXPORTERS_STATSD_PORT_FILE): no such file."
    )


def test_a_wrong_value_in_a_file(tmp_path: Path) -> None:
    """A value from a file is blamed on the variable."""
    path = tmp_path / "port"
    path.write_text("70000\n", encoding="utf-8")

    assert refusal(EXPORTERS_STATSD_PORT_FILE=str(path)) == (
        "TIDEGAUGE_EXPORTERS_STATSD_PORT_FILE must be at most 65535, not 70000."
    )


def test_service_links_are_no_options() -> None:
    """What Kubernetes sets in every pod beside a Service called tidegauge or tidegauge-web."""
    links = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "8470",
        "SERVICE_PORT_HTTP": "8470",
        "PORT": "tcp://10.0.0.1:8470",
        "PORT_8470_TCP": "tcp://10.0.0.1:8470",
        "PORT_8470_TCP_PROTO": "tcp",
        "PORT_8470_TCP_PORT": "8470",
        "PORT_8470_TCP_ADDR": "10.0.0.1",
    }

    assert options(**links, **{f"WEB_{name}": value for name, value in links.items()}) == Options()


MISTAKES = {
    ("TICK_INTERVAL", ""): ' must be a duration such as "10s", not "".',
    ("TICK_INTERVAL", "11m"): ' must be at most 10m, not "11m".',
    ("EXPORTERS_STATSD_PORT", "70000"): " must be at most 65535, not 70000.",
    ("EXPORTERS_STATSD_PORT", "http"): ' must be a whole number, not "http".',
    ("EXPORTERS_STATSD_PORT", "9" * 20): f' must be a whole number, not "{"9" * 20}".',
    ("EXPORTERS_STATSD_INCLUDE_HOSTNAME", "maybe"): ' must be true or false, not "maybe".',
    ("EXPORTERS_STATSD_FLUSH_INTERVAL", "1s"): (
        " (1s) must not be shorter than tick_interval (10s)."
    ),
    ("LOG_LEVEL", "INFO"): ' must be one of "debug", "error", "info", "warning", not "INFO".',
    ("CONTAINERS", "web"): ' must be pairs such as "name=value,name2=value2", not "web".',
    ("CONTAINERS", "a=x,a=y"): " names a twice.",
    ("CONTAINERS", "a=x,b=x"): ' gives the alias "x" to both "a" and "b"; give each its own.',
    ("CONTAINERS", "a="): ' must be an alias, not "".',
    ("ENGINES", "tcp://a:1"): ' must be pairs such as "name=host,name2=host2", not "tcp://a:1".',
    ("ENGINES", "a=a:1"): (
        ' must begin with unix://, tcp://, http://, https:// or ssh://, not "a:1".'
    ),
    ("ENGINES", "a=,a="): ' has 2 engines called "a"; give each its own name.',
    ("ENGINES", ""): " must name at least one engine, or be left out.",
    ("EXPORTERS_STATSD_SUBSCRIPTIONS", "docker-cpu"): (
        ' must be pairs such as "name=value,name=value2", not "docker-cpu".'
    ),
}


@pytest.mark.parametrize(("pair", "clause"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_wrong_values_name_the_variable(pair: tuple[str, str], clause: str) -> None:
    """The user set a variable, so the variable is named, not an option's key."""
    name, value = pair

    assert refusal(**{name: value}) == f"TIDEGAUGE_{name}{clause}"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("EXPORTERS_STATSD_PROT", "did you mean TIDEGAUGE_EXPORTERS_STATSD_PORT?"),
        ("LOG_LEVLE_FILE", "did you mean TIDEGAUGE_LOG_LEVEL_FILE?"),
        ("STATSD_HOST", "did you mean TIDEGAUGE_EXPORTERS_STATSD_HOST?"),
        ("PORT", "tidegauge sample-config lists what can be set."),
    ],
)
def test_unknown_variables(name: str, remedy: str) -> None:
    """A variable that sets nothing is a mistake, and the nearest name is shown."""
    assert refusal(**{name: "8470"}) == f"unknown variable TIDEGAUGE_{name}; {remedy}"


def test_a_variable_and_its_file() -> None:
    """Two values for one option are not resolved by guessing."""
    assert refusal(LOG_LEVEL="info", LOG_LEVEL_FILE="level") == (
        "TIDEGAUGE_LOG_LEVEL and TIDEGAUGE_LOG_LEVEL_FILE are both set; keep one of them."
    )


def test_two_options_that_clash_are_named_as_they_were_set(tmp_path: Path) -> None:
    """One came from the file, one from a variable, and the sentence says which."""
    path = tmp_path / "tidegauge.toml"
    path.write_text("[exporters.statsd]\nflush_interval = 5", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(path, {"TIDEGAUGE_TICK_INTERVAL": "1m"})

    assert str(caught.value) == (
        f"{path}: exporters.statsd.flush_interval (5s) must not be shorter than"
        " TIDEGAUGE_TICK_INTERVAL (1m)."
    )


def test_a_wrong_table_in_the_file_is_still_the_file_s_mistake(tmp_path: Path) -> None:
    """A variable inside a table cannot mend what is no table."""
    path = tmp_path / "tidegauge.toml"
    path.write_text("exporters = 3", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(path, {"TIDEGAUGE_EXPORTERS_STATSD_HOST": "a"})

    assert str(caught.value) == f"{path}: exporters must be a table, not 3."


WORDS = st.text(alphabet="abz019-_.*/ ", min_size=1, max_size=12).filter(lambda x: x.strip() == x)


@given(
    tick=st.integers(min_value=1, max_value=600_000),
    port=st.integers(min_value=1, max_value=65535),
    include_hostname=st.booleans(),
    application=WORDS,
    patterns=st.lists(WORDS, max_size=4),
    containers=st.dictionaries(WORDS, WORDS, max_size=4).filter(
        lambda aliases: len({*aliases.values()}) == len(aliases)
    ),
    level=st.sampled_from(["debug", "info", "warning", "error"]),
)
def test_variables_and_files_mean_the_same(  # noqa: PLR0917 - one argument an option
    tmp_path_factory: pytest.TempPathFactory,
    tick: int,
    port: int,
    include_hostname: bool,
    application: str,
    patterns: list[str],
    containers: dict[str, str],
    level: str,
) -> None:
    """The same values give the same options, whichever way they come."""
    path = tmp_path_factory.getbasetemp() / "same.toml"
    tables = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in containers.items())
    path.write_text(
        f'tick_interval = "{tick}ms"\nfilters.include = {json.dumps(patterns)}\n'
        f'log.level = "{level}"\n[containers]\n{tables}\n[exporters.statsd]\nport = {port}\n'
        f"include_hostname = {json.dumps(include_hostname)}\n"
        f"application = {json.dumps(application)}\n",
        encoding="utf-8",
    )

    by_variables = options(
        TICK_INTERVAL=f"{tick}ms",
        FILTERS_INCLUDE=",".join(patterns),
        LOG_LEVEL=level,
        CONTAINERS=",".join(f"{name}={alias}" for name, alias in containers.items()),
        EXPORTERS_STATSD_PORT=str(port),
        EXPORTERS_STATSD_INCLUDE_HOSTNAME=str(include_hostname),
        EXPORTERS_STATSD_APPLICATION=application,
    )

    assert by_variables == load(path, {}).options
