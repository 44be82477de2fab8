"""A pipeline as text for people, and as Mermaid for documents."""

from collections.abc import Iterator

from tidegauge.streams.graph import Pipeline
from tidegauge.streams.running import Stage


def as_text(pipeline: Pipeline) -> str:
    """A tree: a chain on one line, the branches of a broadcast below its end."""
    return "\n".join(_lines(pipeline.stages, pipeline.label)) + "\n"


def _lines(stages: tuple[Stage, ...], *head: str) -> Iterator[str]:
    chain = " ─▶ ".join([*head, *(stage.label for stage in stages if not stage.branches)])
    branches = stages[-1].branches
    yield chain + (" ─┐" if branches else "")
    indent = " " * (len(chain) + 2)
    for branch in branches:
        last = branch is branches[-1]
        first, *rest = _lines(branch)
        yield f"{indent}{'└' if last else '├'}─▶ {first}"
        yield from (f"{indent}{' ' if last else '│'}   {line}" for line in rest)


def as_mermaid(*pipelines: Pipeline) -> str:
    """A flowchart, left to right; buffers are stadium-shaped, for they hold things."""
    lines = ["flowchart LR"]
    for number, pipeline in enumerate(pipelines):
        nodes = _Nodes(f"p{number}n")
        lines += [nodes.declare(pipeline.label), *_edges(nodes, nodes.newest, pipeline.stages)]
    return "\n".join(f"    {line}" if i else line for i, line in enumerate(lines)) + "\n"


class _Nodes:
    """Gives each node an id of its own."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._count = prefix, 0

    @property
    def newest(self) -> str:
        return f"{self._prefix}{self._count}"

    def declare(self, label: str) -> str:
        self._count += 1
        text = label.replace('"', "#quot;")
        return f'{self.newest}["{text}"]'


def _edges(nodes: _Nodes, before: str, stages: tuple[Stage, ...]) -> Iterator[str]:
    for stage in stages:
        if stage.branches:
            for branch in stage.branches:
                yield from _edges(nodes, before, branch)
            return
        yield f"{before} --> {nodes.declare(stage.label)}"
        before = nodes.newest
