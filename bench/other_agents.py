"""Agents that this machine may have: each looks at containers once a second, and sends nothing."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from programs import Program, Start, environment

TELEGRAF = """
[agent]
interval = "1s"
flush_interval = "10s"
[[inputs.docker]]
endpoint = "{host}"
timeout = "10s"
[[outputs.discard]]
"""

OTELCOL = """
receivers: {{docker_stats: {{endpoint: "{host}", collection_interval: 1s, timeout: 20s}}}}
exporters: {{nop: {{}}}}
service: {{pipelines: {{metrics: {{receivers: [docker_stats], exporters: [nop]}}}}}}
"""


def other_agents(port: int) -> list[Program]:
    """Those that are installed; ``port`` is free, for one that must serve."""
    cadvisor = ("--listen_ip=127.0.0.1", f"--port={port}", "--docker_only", "--docker={host}")
    known = [
        _agent("cadvisor", (*cadvisor, "--housekeeping_interval=1s")),
        _agent("telegraf", ("--config", "{file}"), TELEGRAF),
        _agent("otelcol", ("--config={file}",), OTELCOL),
        _agent("otelcol-contrib", ("--config={file}",), OTELCOL),
    ]
    return [each for each in known if not each.missing]


def _agent(name: str, words: Sequence[str], config: str = "") -> Program:
    def start(host: str, folder: Path) -> Start:
        file = folder / f"{name}.conf"
        file.write_text(config.format(host=host), encoding="utf-8")
        command = (name, *(word.format(host=host, file=file) for word in words))
        return Start(command, environment(HOME=str(folder)))

    starting: Callable[[str, Path], Start] = start
    lack = "" if shutil.which(name) else f"{name} is not installed"
    return Program(name, lack, starting, follows=False)
