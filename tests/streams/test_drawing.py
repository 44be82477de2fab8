"""A pipeline printed for people and for documents."""

from tidegauge.streams import (
    DROP_OLDEST,
    WAIT,
    Buffer,
    async_sink,
    broadcast,
    flow,
    from_iterable,
    sink,
)
from tidegauge.streams.drawing import as_mermaid, as_text


def cpu(item):
    return item


async def send(item):
    raise NotImplementedError


PIPELINE = from_iterable([], 'stats of "web"') >> broadcast(
    flow(cpu) >> broadcast(sink(print, "record"), sink(print, "log")),
    Buffer(8, DROP_OLDEST, "statsd") >> async_sink(send),
    sink(print, "count"),
)


def test_text_shows_chains_as_lines_and_branches_as_a_tree():
    """Each branch stands below the end of the chain it leaves from."""
    assert as_text(PIPELINE) == (
        'stats of "web" ─┐\n'
        "                ├─▶ cpu ─┐\n"
        "                │        ├─▶ record\n"
        "                │        └─▶ log\n"
        "                ├─▶ statsd (8, drop oldest) ─▶ send\n"
        "                └─▶ count\n"
    )


def test_a_pipeline_without_branches_is_one_line():
    """A plain chain needs no tree."""
    assert as_text(from_iterable([], "a") >> Buffer(1, WAIT) >> sink(print, "b")) == (
        "a ─▶ buffer (1, wait) ─▶ b\n"
    )


def test_mermaid_draws_every_edge_once_and_keeps_pipelines_apart():
    """Quotes are escaped, and two pipelines share no node."""
    other = from_iterable([], "ticks") >> sink(print, "snapshot")

    assert as_mermaid(PIPELINE, other) == (
        "flowchart LR\n"
        '    p0n1["stats of #quot;web#quot;"]\n'
        '    p0n1 --> p0n2["cpu"]\n'
        '    p0n2 --> p0n3["record"]\n'
        '    p0n2 --> p0n4["log"]\n'
        '    p0n1 --> p0n5["statsd (8, drop oldest)"]\n'
        '    p0n5 --> p0n6["send"]\n'
        '    p0n1 --> p0n7["count"]\n'
        '    p1n1["ticks"]\n'
        '    p1n1 --> p1n2["snapshot"]\n'
    )
