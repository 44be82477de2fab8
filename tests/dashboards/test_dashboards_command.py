"""``tidegauge dashboards``: which files it writes, and what it says of mistakes."""

import json
import subprocess
import sys

import pytest

from tidegauge.cli import main

PAGES = ("containers", "container", "engines")
NAMES = ("prometheus", "cadvisor", "statsd", "graphite", "influxdb")
PROVISIONING = ["provisioning/dashboards/tidegauge.yaml", "provisioning/datasources/tidegauge.yaml"]


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_all_dashboards_are_written_and_listed(tmp_path, capsys):
    """Three of each backend and the original, with the files that provision them."""
    assert main(["dashboards", str(tmp_path / "made/here")]) == 0

    files = [f"dashboards/{name}-{page}.json" for name in NAMES for page in PAGES]
    expected = sorted([*files, "dashboards/statsd-original.json", *PROVISIONING])
    assert written(tmp_path / "made/here") == expected
    out = capsys.readouterr().out
    assert out.startswith(f"18 files written to {tmp_path}/made/here:\n")
    assert all(f"\n  {file}\n" in out for file in expected)
    assert f"DASHBOARDS_DIR={tmp_path}/made/here/dashboards " in out


def test_for_leaves_others_out(tmp_path):
    """Also the data sources that they do not ask."""
    assert main(["dashboards", str(tmp_path), "--for", "influxdb, graphite,graphite"]) == 0

    files = [
        f"dashboards/{name}-{page}.json" for name in ("graphite", "influxdb") for page in PAGES
    ]
    assert written(tmp_path) == sorted([*files, *PROVISIONING])
    data_sources = (tmp_path / PROVISIONING[1]).read_text()
    assert "${GRAPHITE_URL}" in data_sources
    assert "${INFLUXDB_URL}" in data_sources
    assert "PROMETHEUS" not in data_sources


def test_nothing_is_overwritten_unless_forced(tmp_path, capsys):
    """One sentence names the file; nothing else is written then either."""
    changed = tmp_path / "dashboards/statsd-original.json"
    changed.parent.mkdir()
    changed.write_text("mine")

    assert main(["dashboards", str(tmp_path)]) == 2
    said = f"tidegauge: {changed} is there already; --force replaces it.\n"
    assert capsys.readouterr().err == said
    assert written(tmp_path) == ["dashboards/statsd-original.json"]
    assert changed.read_text() == "mine"

    assert main(["dashboards", str(tmp_path), "--force"]) == 0
    assert json.loads(changed.read_text())["uid"] == "tidegauge-statsd-original"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--for", "influx"], "--for: unknown name influx; did you mean influxdb?"),
        (
            ["--for", "statsd,\x1b[2J"],
            "--for: unknown name \\x1b[2J;"
            " known here: prometheus, cadvisor, statsd, graphite, influxdb.",
        ),
        (
            ["--for", " , "],
            "--for names nothing; known here: prometheus, cadvisor, statsd, graphite, influxdb.",
        ),
        (["-c", "file"], "unknown argument -c; see tidegauge dashboards --help."),
    ],
)
def test_a_mistake_is_one_sentence(given, said, tmp_path, capsys):
    """With what is right, and without a file."""
    assert main(["dashboards", str(tmp_path), *given]) == 2

    assert capsys.readouterr().err == f"tidegauge: {said}\n"
    assert written(tmp_path) == []


def test_a_folder_that_cannot_be_is_told(tmp_path, capsys):
    """A failure, with the system's reason."""
    (tmp_path / "file").touch()

    assert main(["dashboards", str(tmp_path / "file")]) == 1

    path = tmp_path / "file/dashboards/prometheus-containers.json"
    assert capsys.readouterr().err == f"tidegauge: cannot write {path}: not a directory.\n"


def test_the_missing_package_is_named(tmp_path):
    """With the command that installs it."""
    script = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; from tidegauge.cli import main;"
        " sys.exit(main(['dashboards', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "tidegauge: dashboards need the package grafana-foundation-sdk, which is not installed:"
        " pip install 'tidegauge[dashboards]'.\n",
    )


def test_other_commands_do_without_the_package():
    """It is not imported before dashboards are written."""
    script = "import tidegauge.cli, sys; print([m for m in sys.modules if 'grafana' in m])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
