"""Measurements of CPU time, as a table: ``make bench``, or ``python bench [PART OF A NAME ...]``.

Each row sets something of ours against a baseline, in turns and in one process, so that a loaded
machine disturbs both alike: read the ratios and differences, not the times. BENCH_QUICK=1 in the
environment makes a short run. Nothing here fails; tests assert no times.
"""

import os
import platform
import sys
from collections.abc import Iterator, Sequence

import fused_graph
import influxdb_encoding
import ingest
import otlp_encoding
import prometheus_text
import remote_write_encoding
import statsd_encoding
from pairs import Measurement, Result, measure

import history

HEADS = ("measurement", "unit", "ours", "baseline", "compared: median [min-max]", "target", "met")


def machine() -> str:
    """What the numbers depend on, in one line."""
    load = " ".join(f"{part:.2f}" for part in os.getloadavg())
    return (
        f"{len(os.sched_getaffinity(0))} cores, {platform.python_implementation()}"
        f" {platform.python_version()}, {platform.system()} {platform.release()}"
        f" {platform.machine()}, load average {load}"
    )


def cells(one: Measurement, result: Result) -> tuple[str, ...]:
    """The row of one measurement."""
    sign = "x" if one.compared == "ratio" else " more"
    compared = f"{result.median:.2f}{sign} [{result.lowest:.2f}-{result.highest:.2f}]"
    times = (one.name, one.unit, f"{result.ours:.3f}", f"{result.baseline:.3f}", compared)
    if one.target is None:
        return (*times, "-", "-")
    return (*times, f"<= {one.target:g}{sign}", "yes" if result.median <= one.target else "NO")


def rows(measurements: Sequence[Measurement], pairs: int) -> Iterator[tuple[str, ...]]:
    """Measure one after another."""
    for one in measurements:
        print(f"measuring: {one.name}", file=sys.stderr)
        yield cells(one, measure(one, pairs))


def main(wanted: Sequence[str]) -> int:
    """Print the table; of the measurements with one of these words in their names, or of all."""
    quick = os.environ.get("BENCH_QUICK", "") not in {"", "0"}
    known = [
        *fused_graph.measurements(quick),
        *ingest.measurements(quick),
        *statsd_encoding.measurements(quick),
        *prometheus_text.measurements(quick),
        *influxdb_encoding.measurements(quick),
        *remote_write_encoding.measurements(quick),
        *otlp_encoding.measurements(quick),
        *history.measurements(quick),
    ]
    chosen = [one for one in known if not wanted or any(word in one.name for word in wanted)]
    if not chosen:
        print("No such measurement. There are:", *(one.name for one in known), sep="\n  ")
        return 2
    pairs = 3 if quick else 9
    print(f"{machine()}\n{pairs} pairs of each, CPU time of this process\n")
    table = [HEADS, *rows(chosen, pairs)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    print(f"\nload average at the end: {os.getloadavg()[0]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
