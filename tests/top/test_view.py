"""The view: keys, the mouse, small terminals, hostile names; what is drawn and when."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from shown import MIB, Scripted, a_state, a_view, screen

from tidegauge.top.rows import Choice
from tidegauge.top.screens import HELP
from tidegauge.top.table import Table
from tidegauge.web.views import EventView

WEB = a_view("web", 0.5, project="shop", service="web", memory=20 * MIB, rx=1024.0)
DB = a_view("db", 1.25, project="shop", service="db", memory=30 * MIB, health="healthy")
BLOG = a_view("blog", 0.01, memory=40 * MIB, state="paused")
OLD = a_view("old", None, memory=None, pids=None, state="exited", sampled_at=None)
ALL = (WEB, DB, BLOG, OLD)

HOSTILE = [
    "x\x1b[2J\x07\ny",
    "[bold]markup[/]",
    "漢字漢字漢字漢字漢字漢字漢字漢字",
    "é́́́",
    "שלום עולם",
    "\u202eltr",
    "a" * 300,
    "👩‍👩‍👧‍👦👍🏽",
    "\t\u200b\u00ad",
]


async def test_the_screen() -> None:
    """A title that says whom is asked, headings, a row for each that runs, the keys."""
    async with screen() as shown:
        await shown.show(*ALL)

        assert shown.lines == [
            "engine e · 3 of 4, 3 run · by cpu",
            "container      state      cpu %▼        cpu  memory % lim    rx/s    tx/s",
            "db             healthy     125.0          ▇ 30.0MiB     -       -       -",
            "web            running      50.0          ▇ 20.0MiB     - 1.00KiB       -",
            "blog           paused       1.00          ▂ 40.0MiB     -       -       -",
            *[""] * 18,
            " ⏎ Detail  / Filter  g Group  a All  r Reverse  p Pause  ? Help  q Quit",
        ]


async def test_before_the_first_state_it_says_what_it_waits_for() -> None:
    """And nothing is made up."""
    async with screen() as shown:
        assert shown.lines[:2] == ["engine e", "waiting for engine e"]


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (14, 3), (200, 60)])
async def test_no_line_is_ever_broken(size: tuple[int, int]) -> None:
    """Whatever containers are called and however small it is: each line has its columns."""
    width, height = size
    views = [
        a_view(name, 1.0, project=name, health=name, key=f"e/{n}") for n, name in enumerate(HOSTILE)
    ]
    async with screen(*size) as shown:
        for keys in ((), ("g",), ("g", "enter"), ("escape", "question_mark")):
            await shown.press(*keys)
            await shown.show(*views, trouble="\x1b[2J" * 50)
            lines = shown.full_lines

            assert len(lines) == height
            assert {cell_len(line) for line in lines} == {width}
            assert all(line.replace("\u200e", "").isprintable() for line in lines)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=5), st.integers(14, 90))
async def test_any_name_leaves_lines_whole(names: list[str], width: int) -> None:
    """What no list of hostile names thought of."""
    async with screen(width, 10) as shown:
        await shown.show(*(a_view(name, key=f"e/{n}") for n, name in enumerate(names)))

        assert {cell_len(line) for line in shown.full_lines} == {width}


async def test_names_are_not_taken_for_markup() -> None:
    """They are shown as they are, with what is no visible sign written out."""
    async with screen() as shown:
        await shown.show(*(a_view(name, key=name) for name in HOSTILE[:2]))

        assert {line.split(" running")[0] for line in shown.lines[2:4]} == (
            {"[bold]markup[/]", "x\\x1b[2J\\x07\\ny"}
        )


async def test_sorting_by_keys() -> None:
    """One key for what is asked most, arrows for all; again is the other way round."""
    async with screen() as shown:
        await shown.show(*ALL)
        for key, names in {
            "n": ["blog", "db", "web"],
            "m": ["blog", "db", "web"],
            "r": ["web", "db", "blog"],
            "c": ["db", "web", "blog"],
            "left": ["db", "blog", "web"],
        }.items():
            await shown.press(key)
            assert shown.names == names, key
        assert shown.lines[0].endswith("by state")
        await shown.press("n", "n")
        assert shown.lines[0].endswith("by name, backwards")
        assert shown.names == ["web", "db", "blog"]


async def test_sorting_by_the_mouse() -> None:
    """A click on a heading; a click on a row goes there, another one opens it."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.pilot.click("Table", offset=(48, 0))
        await shown.press()
        assert shown.names == ["blog", "db", "web"]
        assert shown.lines[0].endswith("by memory")

        await shown.pilot.click("Table", offset=(3, 2))
        await shown.pilot.click("Table", offset=(3, 2))
        await shown.press()
        assert shown.lines[0] == "db"


async def test_the_cursor_stays_on_its_container() -> None:
    """At the top it stays at the top: there is what is busiest."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press("down", "n", "enter")
        assert shown.lines[0] == "web"
        await shown.press("escape", "home", "c", "enter")
        assert shown.lines[0] == "db"


async def test_filter_while_it_is_typed() -> None:
    """Enter keeps it, escape takes it away; keys are letters as long as it is open."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press("slash", "s", "h", "o", "p")
        assert shown.names == ["db", "web"]
        await shown.press("q")
        assert shown.lines[1] == "nothing matches the filter; escape takes it away"
        await shown.press("backspace", "enter", "g", "g")
        assert shown.names == ["db", "web"]
        assert shown.lines[0] == "engine e · 2 of 4, 3 run · /shop · by cpu"
        await shown.press("escape")
        assert shown.names == ["db", "web", "blog"]


async def test_escape_leaves_an_open_filter() -> None:
    """And takes it away; keys are keys again."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press("slash", "b", "l", "escape", "n")

        assert shown.names == ["blog", "db", "web"]
        assert shown.lines[0] == "engine e · 3 of 4, 3 run · by name"
        assert "Filter" in shown.lines[-1]


async def test_groups_have_sums() -> None:
    """Of what can be added up; the cursor passes over the headings."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press("g")

        assert shown.names == ["shop", "db", "web", "no", "blog"]
        assert shown.lines[2].split() == ["shop", "(2)", "175.0", "50.0MiB", "1.00KiB"]
        await shown.press("down", "down", "enter")
        assert shown.lines[0] == "blog"


async def test_all_or_those_that_run() -> None:
    """Nothing is known of what does not run."""
    async with screen() as shown:
        await shown.show(OLD)
        assert shown.lines[1] == "no container runs; press a to see all"
        await shown.press("a")
        assert shown.names == ["old"]
        assert shown.lines[2].split() == ["old", "exited", *"-----"]


async def test_pause_holds_still() -> None:
    """What came meanwhile is there when it goes on."""
    async with screen() as shown:
        await shown.show(WEB)
        await shown.press("p")
        await shown.show(DB)
        assert shown.lines[0] == " paused engine e · 1 of 1, 1 run · by cpu"
        assert shown.names == ["web"]
        await shown.press("p")
        assert shown.names == ["db"]


async def test_detail_and_back() -> None:
    """Facts, use and events of the container under the cursor, as they move."""
    source = Scripted()
    source.happened = [EventView(0.0, "container:e/db", "oom", {})]
    async with screen(source=source) as shown:
        await shown.show(*ALL)
        await shown.press("enter")
        assert shown.lines[0] == "db"
        assert " cpu       125.0 % of a core" in shown.lines
        assert any(line.startswith(" events    ") and line.endswith("oom") for line in shown.lines)

        await shown.show(a_view("db", 0.5, sampled_at=1001.0))
        assert " cpu       50.0 % of a core" in shown.lines
        assert any("max 125.0 %" in line for line in shown.lines)
        await shown.show()
        assert shown.lines[0] == "e/db · it is there no more"
        await shown.press("escape")
        assert shown.lines[1] == "there is no container"


async def test_trouble_has_a_line_and_goes_by_itself() -> None:
    """The view is the same again when it is over."""
    async with screen() as shown:
        await shown.show(WEB, trouble="no engine at unix:///x.")
        assert shown.lines[1] == "no engine at unix:///x."
        await shown.show(WEB)
        assert shown.lines[1].startswith("container ")


async def test_at_most_one_drawing_a_second() -> None:
    """States that come faster are left out, and the newest is shown."""
    async with screen() as shown:
        await shown.show(WEB)
        for container in (DB, BLOG):
            shown.view.take(a_state(container))
            await shown.pilot.pause()
        assert shown.names == ["db"]
        await shown.clock.advance(1.0)
        await shown.pilot.pause()
        assert shown.names == ["blog"]


async def test_lines_that_stay_the_same_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second in which one container moves costs one line."""
    async with screen() as shown:
        await shown.show(*ALL)
        drawn: list[int] = []
        table = shown.view.query_one(Table)
        monkeypatch.setattr(table, "refresh", lambda *at: drawn.extend(each.y for each in at))
        await shown.show(WEB, a_view("db", 1.2, project="shop", sampled_at=1000.0), BLOG, OLD)

        assert drawn == [1]


async def test_all_rows_can_be_reached() -> None:
    """The cursor takes what is to be seen with it."""
    async with screen(80, 10) as shown:
        await shown.show(*(a_view(f"c{n:03}", 1.0) for n in range(200)))
        for keys, first in ((("end",), "c193"), (("home",), "c000"), (("pagedown",), "c000")):
            await shown.press(*keys)
            assert shown.names[0] == first, keys
        await shown.press("pagedown")
        assert shown.names[-1] == "c012"


async def test_help_has_every_key() -> None:
    """On one screen of 80 columns and 24 lines; escape and q are told there."""
    async with screen() as shown:
        await shown.press("question_mark")

        text = "\n".join(shown.lines)
        assert all(line in text for line in HELP.splitlines())
        await shown.press("escape")
        assert "move; the cursor" not in "\n".join(shown.lines)


@pytest.mark.parametrize("before", [(), ("enter",), ("question_mark",), ("slash",)])
async def test_ctrl_c_ends_it_from_everywhere(before: tuple[str, ...]) -> None:
    """With exit code 0."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press(*before, "ctrl+c")

        assert shown.view.return_code == 0


@pytest.mark.parametrize("before", [(), ("enter",), ("question_mark",)])
async def test_q_ends_it(before: tuple[str, ...]) -> None:
    """Where it is no letter of a filter."""
    async with screen() as shown:
        await shown.show(*ALL)
        await shown.press(*before, "q")

        assert shown.view.return_code == 0


async def test_it_begins_as_it_was_asked_to() -> None:
    """With ``--sort`` and ``--filter``."""
    async with screen(choice=Choice("memory", wanted="shop")) as shown:
        await shown.show(*ALL)

        assert shown.names == ["db", "web"]
        assert shown.lines[0] == "engine e · 2 of 4, 3 run · /shop · by memory"
        await shown.press("escape")
        assert shown.names == ["blog", "db", "web"]
