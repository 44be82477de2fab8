"""Measurements against the targets, into docs/benchmarks.md: ``make bench``."""

import argparse
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # servers of tests serve here, too

import direct_part
import fleet_part
import kernels_part
import real_part
import report
import synthetic_part
import where_time_goes
from rows import Section

DURATIONS = {
    "real": 25,
    "direct": 14,
    "synthetic": 25,
    "kernels": 4,
    "history": 6,
    "fleet": 3,
    "profile": 1,
}
"""Minutes of each part on two cores."""


def arguments() -> argparse.ArgumentParser:
    """What can be typed."""
    parser = argparse.ArgumentParser(
        prog="make bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure Tidegauge and its peers, and write docs/benchmarks.md.",
        epilog="Minutes: "
        + ", ".join(f"{name} {minutes}" for name, minutes in DURATIONS.items())
        + f"; all {sum(DURATIONS.values())}. With BENCH_QUICK=1 in the environment one short\n"
        "round of each, for a look; its numbers are not written to the page.",
    )
    parser.add_argument("part", nargs="?", choices=[*DURATIONS, "all"], default="all")
    parser.add_argument("words", nargs="*", help="kernels: only those with such a word in the name")
    parser.add_argument(
        "--matrix", action="store_true", help="synthetic: under every load, 45 minutes"
    )
    parser.add_argument(
        "--soak", action="store_true", help="synthetic: long runs too, 45 minutes more"
    )
    return parser


def parts(given: argparse.Namespace, *, quick: bool) -> dict[str, Callable[[], Section]]:
    """What each part measures."""
    return {
        "real": lambda: real_part.section(quick=quick),
        "direct": lambda: direct_part.section(quick=quick),
        "kernels": lambda: kernels_part.section(given.words, quick=quick),
        "synthetic": lambda: (
            synthetic_part.section(quick=quick, soak=given.soak)
            if not given.matrix
            else synthetic_part.matrix_section(quick=quick)
        ),
        "history": lambda: kernels_part.history_section(quick=quick),
        "fleet": lambda: fleet_part.section(quick=quick),
        "profile": lambda: where_time_goes.section(quick=quick),
    }


def main(words: Sequence[str]) -> int:
    """Measure the parts that are asked for, one after another; each is written when it is done."""
    given = arguments().parse_args(words)
    _allow_many_files()
    quick = os.environ.get("BENCH_QUICK", "") not in {"", "0"}
    for name, measure in parts(given, quick=quick).items():
        if given.part in {name, "all"}:
            began = report.load_average()
            section = measure()
            text = report.rendered(section, report.machine(began))
            print(text, flush=True)
            if not quick and not given.words:
                report.write({section.part: text})
    return 0


def _allow_many_files() -> None:
    """As many as this user may open, for all programs that are started: a stream is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def interrupted(*_signal: object) -> None:
    """Unwind, so that every child is ended in order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupted)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
