"""Dashboards as files, with what Grafana needs to find them and its data."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tidegauge.dashboards.cadvisor import Cadvisor
from tidegauge.dashboards.grafana import as_json
from tidegauge.dashboards.graphite import Levels
from tidegauge.dashboards.influxql import InfluxQl
from tidegauge.dashboards.native import Native
from tidegauge.dashboards.original import ORIGINAL, OriginalTree
from tidegauge.dashboards.pages import PAGES
from tidegauge.dashboards.panel import Page, Source
from tidegauge.dashboards.promql import PromQl
from tidegauge.dashboards.statsd import Statsd
from tidegauge.dashboards.targets import Targets
from tidegauge.errors import ConfigError, TidegaugeError

PROVIDER = """\
# Grafana reads the dashboards in the folder that this variable of its environment names.
apiVersion: 1
providers:
  - name: tidegauge
    folder: Tidegauge
    type: file
    options:
      path: ${DASHBOARDS_DIR}
"""

DATA_SOURCES: Mapping[str, str] = {
    "prometheus": """\
  - name: Prometheus
    uid: tidegauge-prometheus
    type: prometheus
    access: proxy
    url: ${PROMETHEUS_URL}
    jsonData:
      timeInterval: 10s
""",
    "graphite": """\
  - name: Graphite
    uid: tidegauge-graphite
    type: graphite
    access: proxy
    url: ${GRAPHITE_URL}
    jsonData:
      graphiteVersion: "1.1"
""",
    "influxdb": """\
  - name: InfluxDB
    uid: tidegauge-influxdb
    type: influxdb
    access: proxy
    url: ${INFLUXDB_URL}
    user: ${INFLUXDB_USER}
    jsonData:
      dbName: ${INFLUXDB_DATABASE}
      httpMode: GET
      timeInterval: 10s
    secureJsonData:
      password: ${INFLUXDB_PASSWORD}
""",
}
"""By Grafana's name of the kind of data source."""

_DATA_SOURCES_HEAD = """\
# Examples: write the addresses here, or set these variables in Grafana's environment.
apiVersion: 1
datasources:
"""


def sources() -> Mapping[str, Sequence[tuple[Source, Page]]]:
    """All dashboards there are, by the exporter whose metrics they show."""
    found: tuple[Source, ...] = (
        PromQl(Native()),
        PromQl(Cadvisor()),
        Targets(Statsd()),
        Targets(Levels()),
        InfluxQl(),
    )
    dashboards: dict[str, list[tuple[Source, Page]]] = {
        source.name: [(source, page) for page in PAGES] for source in found
    }
    original = OriginalTree()
    dashboards[original.name].append((original, ORIGINAL))
    return dashboards


def files(wanted: Iterable[str]) -> dict[str, str]:
    """What is written, by its path below the folder, for exporters by their names."""
    dashboards = sources()
    chosen = [each for name in dict.fromkeys(wanted) for each in dashboards[name]]
    plugins = {source.plugin for source, _ in chosen}
    shown = [text for plugin, text in DATA_SOURCES.items() if plugin in plugins]
    return {
        **{
            f"dashboards/{source.name}-{page.name}.json": as_json(source, page)
            for source, page in chosen
        },
        "provisioning/dashboards/tidegauge.yaml": PROVIDER,
        "provisioning/datasources/tidegauge.yaml": _DATA_SOURCES_HEAD + "".join(shown),
    }


def write(folder: Path, wanted: Iterable[str], *, force: bool) -> list[Path]:
    """Write them all, or none; returns their paths.

    Raises:
        ConfigError: one is there already, and is not to be replaced.
        TidegaugeError: one cannot be written.
    """
    texts = {folder / path: text for path, text in files(wanted).items()}
    for path in texts:
        if not force and path.exists():
            raise ConfigError(f"{path} is there already; --force replaces it.")
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise TidegaugeError(f"cannot write {path}: {reason}.") from error
    return list(texts)
