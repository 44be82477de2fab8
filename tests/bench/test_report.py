"""The page keeps what was not measured again, and its tables can be read."""

import report
from rows import Bound, Row, Section, aligned

CPUINFO = """\
processor\t: 0
model name\t: Some(R) Processor @ 2.00GHz

processor\t: 1
model name\t: Some(R) Processor @ 2.00GHz
"""


def section(part: str, text: str) -> str:
    return report.rendered(Section(part, text, ()), "some machine")


def test_a_part_that_is_measured_again_replaces_its_section_only(tmp_path) -> None:
    """Others stay to the byte, and all stand in the order of the page."""
    page = tmp_path / "benchmarks.md"
    report.write({"kernels": section("kernels", "Old kernels")}, page)
    report.write({"real": section("real", "Real")}, page)
    before = page.read_text(encoding="utf-8")

    report.write({"kernels": section("kernels", "New kernels")}, page)

    after = page.read_text(encoding="utf-8")
    assert after == before.replace("Old kernels", "New kernels")
    assert after.startswith(report.INTRODUCTION)
    assert after.index("## Real") < after.index("## New kernels")


def test_a_section_has_its_facts_its_table_and_its_gaps() -> None:
    """In this order, between its marks."""
    rows = [Row("T2", "CPU", [0.5], Bound(0.1))]
    found = report.rendered(
        Section("real", "On an engine", rows, "So it is done.", ("Glances is not installed",)),
        "2 cores",
    )

    assert found.splitlines() == [
        "<!-- begin real -->",
        "## On an engine",
        "",
        "So it is done.",
        "",
        "Measured on: 2 cores.",
        "",
        "| target | measured | median | min | max | must be | met | notes |",
        "| ------ | -------- | ------ | --- | --- | ------- | --- | ----- |",
        "| T2     | CPU      | 0.5    | 0.5 | 0.5 | <= 0.1  | NO  |       |",
        "",
        "Not measured: Glances is not installed.",
        "<!-- end real -->",
    ]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """So that the page can be read as text, too."""
    assert aligned([("a", "b"), ("long", "")]) == "| a    | b |\n| ---- | - |\n| long |   |"


def test_the_processor_is_named_once() -> None:
    """However many cores it has."""
    assert report.cpu_model(CPUINFO) == "Some(R) Processor @ 2.00GHz"
    assert report.cpu_model("")


def test_a_machine_is_told_without_its_name() -> None:
    """Nor any folder of it."""
    told = report.machine("0.10")

    assert report.platform.node() not in told
    assert str(report.PAGE.parent.parent) not in told
