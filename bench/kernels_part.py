"""Kernels: our code in this process, in turns with what it is compared with."""

import re
import sys
from collections.abc import Iterator, Sequence

import fused_graph
import influxdb_encoding
import ingest
import kernel_files
import loop_stall
import otlp_encoding
import prometheus_text
import recording
import remote_write_encoding
import statsd_encoding
import statsd_sending
from pairs import Measurement, measure
from rows import Bound, Row, Section, number

import history

METHOD = """\
Each row sets something of ours against a baseline, in turns and in one process, {pairs} pairs of
each, so that a loaded machine disturbs both alike: read the ratios and differences, not the times.
All are of CPU time, user and system."""

HISTORY_METHOD = """\
Made-up containers of 30 series, written and asked as the program does it. Each number is for
itself; times are CPU time of this process."""

TARGET = re.compile(r"(T\d+) (.*)")


def section(wanted: Sequence[str], *, quick: bool) -> Section:
    """All of them, or those with one of these words in their names."""
    some = [
        *fused_graph.measurements(quick),
        *ingest.measurements(quick),
        *kernel_files.measurements(quick),
        *recording.measurements(quick),
        *statsd_encoding.measurements(quick),
        *statsd_sending.measurements(quick),
        *prometheus_text.measurements(quick),
        *loop_stall.measurements(quick),
        *influxdb_encoding.measurements(quick),
        *remote_write_encoding.measurements(quick),
        *otlp_encoding.measurements(quick),
    ]
    chosen = [one for one in some if not wanted or any(word in one.name for word in wanted)]
    found = _section("kernels", "In one process", chosen, 3 if quick else 9)
    lacks = (recording.lacks(), statsd_sending.lacks())
    return found._replace(skipped=tuple(filter(None, dict.fromkeys(lacks))))


def history_section(*, quick: bool) -> Section:
    """What the history takes; each number is for itself."""
    found = _section("history", "History", history.measurements(quick), 1)
    return found._replace(method=HISTORY_METHOD)


def _section(part: str, title: str, some: Sequence[Measurement], pairs: int) -> Section:
    return Section(part, title, tuple(_rows(some, pairs)), METHOD.format(pairs=pairs))


def _rows(some: Sequence[Measurement], pairs: int) -> Iterator[Row]:
    for one in some:
        print(f"measuring: {one.name}", file=sys.stderr, flush=True)
        yield _row(one, pairs)


def _row(one: Measurement, pairs: int) -> Row:
    found = measure(one, pairs)
    named = TARGET.fullmatch(one.name)
    target, name = named.groups() if named else ("", one.name)
    alone = one.compared == "difference" and found.baseline == 0
    return Row(
        target,
        f"{name}, {one.unit}" if one.compared == "difference" else name,
        found.compared,
        None if one.target is None else Bound(one.target),
        "" if alone else f"{number(found.ours)}, baseline {number(found.baseline)} {one.unit}",
    )
