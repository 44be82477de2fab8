"""The page of one container: numbers, charts, ranges, events, explanations."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from servers.chromium import looking_at
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WIDE = {"viewport": {"width": 1400, "height": 1300}}
WEB = "#/container/demo/shop-web-1"
WORKER = "#/container/demo/shop-worker-1"
REDIS = "#/container/demo/shop-redis-1"


def asked(page):
    """The range in the page's address."""
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


async def plot_of(page, panel):
    """Where on the screen a chart draws."""
    over = page.locator(f"figure[data-panel={panel}] .u-over")
    await over.wait_for()
    return await over.bounding_box()


async def series_of(page, address, metric):
    """Go there; what the page was answered of this metric."""
    # So long ago is only known when the demo has made it, beside all else that goes on.
    async with page.expect_response(re.compile("/api/v1/series"), timeout=60_000) as coming:
        await page.goto(address)
    answer = await (await coming.value).json()
    return [each for each in answer["series"] if each["metric"] == metric]


async def test_its_charts_say_in_words_what_the_api_has(demo):
    """The greatest value of memory in the range, as in the answer of the API."""
    async with looking_at(demo.url, **WIDE) as page:
        address = f"{demo.url}{WEB}?range=1h"
        (series,) = await series_of(page, address, "container.memory.working_set")
        panel = page.locator("figure[data-panel=memory] .plot")
        await panel.locator("canvas").wait_for()
        most = max(each for each in series["max"] if each is not None)
        words = await panel.get_attribute("aria-label")
        told = re.search(r"working set .*?, ([\d.]+) MiB at most", words)[1]
        assert float(told) == pytest.approx(most / 2**20, abs=0.5)
        assert await page.locator("figure.chart:visible").count() >= 7


async def test_every_range_shows_its_time(demo):
    """The request asks for as much as the button says, and the address keeps it."""
    seconds = {
        "5 min": 300,
        "15 min": 900,
        "1 h": 3600,
        "6 h": 21600,
        "24 h": 86400,
        "90 d": 7776000,
    }
    async with looking_at(f"{demo.url}{WEB}", **WIDE) as page:
        await plot_of(page, "cpu")
        for words, length in seconds.items():
            async with page.expect_request(
                lambda request: "/api/v1/series" in request.url
            ) as coming:
                await page.get_by_role("button", name=words, exact=True).click()
            query = parse_qs(urlsplit((await coming.value).url).query)
            assert float(query["stop"][0]) - float(query["start"][0]) == pytest.approx(length)
            pressed = page.locator(".ranges [aria-pressed=true]")
            assert await pressed.inner_text() == words
            assert asked(page)["range"] == [await pressed.get_attribute("data-range")]


async def test_a_drag_zooms_all_charts_and_a_double_click_resets_them(demo):
    """The address holds both times, so that the picture can be shared; back goes back."""
    async with looking_at(f"{demo.url}{WEB}?range=1h", **WIDE) as page:
        plot = await plot_of(page, "memory")
        y = plot["y"] + 50
        await page.mouse.move(plot["x"] + plot["width"] * 0.5, y)
        await page.mouse.down()
        await page.mouse.move(plot["x"] + plot["width"] * 0.75, y, steps=4)
        await page.mouse.up()
        await wait_until_async(lambda: "from" in asked(page), 5, "times in the address")
        zoomed = asked(page)
        assert float(zoomed["to"][0]) - float(zoomed["from"][0]) == pytest.approx(900, rel=0.03)

        async def all_show_the_same_time():
            words = {
                (await each.get_attribute("aria-label")).split(", ", 1)[1].split(". ")[0]
                for each in await page.locator("figure .plot:visible").all()
            }
            return len(words) == 1

        await wait_until_async(all_show_the_same_time, 10, "the same time in all charts")
        await page.mouse.dblclick(plot["x"] + plot["width"] * 0.5, y)
        await wait_until_async(lambda: "from" not in asked(page), 5, "the whole range again")
        assert asked(page)["range"] == ["1h"]


async def test_the_cursor_is_in_all_charts_at_once(demo):
    """Each says the same time."""
    async with looking_at(f"{demo.url}{WEB}?range=15m", **WIDE) as page:
        plot = await plot_of(page, "memory")
        await page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + 40)
        times = page.locator(
            "figure[data-panel=cpu] .at, figure[data-panel=pids] .at, figure[data-panel=memory] .at"
        )
        told = page.locator("figure[data-panel=pids] .at")
        await wait_until_async(told.inner_text, 5, "a time")
        first, *others = await times.all_inner_texts()
        # With the date where midnight has passed since.
        assert re.fullmatch(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", first)
        assert set(others) == {first}


async def test_what_happened_is_marked_and_listed(demo):
    """The end of a worker that ran out of memory: a mark with words, a line in the list."""
    async with looking_at(f"{demo.url}{WORKER}?range=1h", **WIDE) as page:
        row = page.locator(".happenings tbody tr").filter(has_text="exit code 137").first
        await row.wait_for()
        assert "killed (SIGKILL)" in await row.inner_text()
        plot = await plot_of(page, "memory")
        tip = page.locator("figure[data-panel=memory] .tip")
        for x in range(0, int(plot["width"]), 4):
            await page.mouse.move(plot["x"] + x, plot["y"] + 60)
            if await tip.is_visible() and "ran out of memory" in await tip.inner_text():
                break
        assert "ran out of memory" in await tip.inner_text()


async def test_a_number_explains_itself(demo):
    """Raw fields, the formula, what docker stats shows; Escape closes and focus is back."""
    async with looking_at(f"{demo.url}{REDIS}", **WIDE) as page:
        button = page.get_by_role("button", name="Explain: Memory", exact=True)
        await button.click()
        box = page.get_by_role("dialog")
        await box.get_by_text("docker stats shows").wait_for()
        text = await box.inner_text()
        assert "usage - inactive page cache" in text
        assert "memory_stats.usage" in text
        assert "memory_stats.stats.inactive_file" in text
        assert re.search(r"[\d.]+MiB / 128MiB, [\d.]+%", text)
        fields = dict(re.findall(r"memory_stats\.(\S+)\s+(\d+)", text))
        used = int(re.search(r"= (\d+) bytes", text)[1])
        assert int(fields["usage"]) - int(fields["stats.inactive_file"]) == used
        await page.keyboard.press("Escape")
        assert await box.count() == 0
        assert await button.evaluate("each => each === document.activeElement")
        assert urlsplit(page.url).fragment.startswith("/container/")


async def test_live_goes_on_by_itself(demo):
    """New points come each second, without a request for each."""
    async with looking_at(f"{demo.url}{WEB}?range=live", **WIDE) as page:
        await plot_of(page, "cpu")
        figure = page.locator("figure[data-panel=cpu] .plot")
        before = await figure.get_attribute("aria-label")

        async def moved():
            return await figure.get_attribute("aria-label") != before

        await wait_until_async(moved, 20, "another second")


async def test_what_is_not_there_says_why(demo):
    """A container without a quota is never throttled; one on the host's network has no traffic."""
    address = f"{demo.url}#/container/demo/observability-node-exporter-1"
    async with looking_at(address, **WIDE) as page:
        answer = await demo.ask("containers/demo/observability-node-exporter-1")
        tile = page.locator(".tile[data-value=rx]")
        await wait_until_async(
            lambda: tile.get_attribute("data-absent"), 10, "a tile without a number"
        )
        assert answer["absent"]["rx"] in await tile.inner_text()
        note = page.locator("figure[data-panel=network] .note")
        await note.filter(has_text=answer["absent"]["rx"]).wait_for()
        assert await note.inner_text() == answer["absent"]["rx"]
        labels = await asyncio.gather(
            page.locator("figure[data-panel=network] .plot").get_attribute("aria-label"),
        )
        assert answer["absent"]["rx"] in labels[0]


async def test_the_events_of_all_can_be_searched(demo):
    """By container, by kind and by facts."""
    async with looking_at(f"{demo.url}#/events", **WIDE) as page:
        rows = page.locator(".happenings tbody tr")
        await rows.first.wait_for()
        await page.get_by_label("Kind of event").select_option("oom")

        async def only_these():
            return set(await rows.locator(".badge").all_inner_texts()) == {"oom"}

        await wait_until_async(only_these, 10, "only events of this kind")
        await page.get_by_label("Kind of event").select_option("")
        await page.keyboard.press("/")
        await page.keyboard.type("worker 137")

        async def all_fit():
            texts = await rows.all_inner_texts()
            return texts and all("exit code 137" in each for each in texts)

        await wait_until_async(all_fit, 5, "only such ends")
        assert set(await rows.locator("a").all_inner_texts()) == {"shop-worker-1"}
        await page.get_by_role("searchbox").fill("no such thing")
        assert "Nothing fits" in await page.locator(".empty").inner_text()


async def test_the_status_shows_how_tidegauge_does(demo):
    """Version, samples, engines and history, as the API has them."""
    async with looking_at(f"{demo.url}#/status", **WIDE) as page:
        table = page.get_by_role("table", name="Engines")
        await table.wait_for()
        status = await demo.ask("status")
        assert status["version"] in await page.locator(".tiles").first.inner_text()
        assert "docker 26.1.5" in await table.inner_text()
        assert status["history"]["path"] in await page.locator("dl.facts").inner_text()


async def test_time_in_user_and_system_mode_is_there_for_who_asks(demo):
    """Lines that are off at first; the choice holds for other containers, and after a reload."""
    async with looking_at(demo.url, **WIDE) as page:
        series = await series_of(page, f"{demo.url}{WEB}?range=1h", "container.cpu.time")
        by_mode = {each["attributes"].get("cpu.mode", "all"): each for each in series}
        plot = page.locator("figure[data-panel=cpu] .plot")
        await plot_of(page, "cpu")
        assert "user" not in await plot.get_attribute("aria-label")
        for mode in ("user", "system"):
            button = page.locator("figure[data-panel=cpu] .legend button", has_text=mode)
            assert await button.get_attribute("aria-pressed") == "false"
            assert await button.locator("b").inner_text() == ""
            await button.click()
            assert await button.get_attribute("aria-pressed") == "true"
        words = await plot.get_attribute("aria-label")
        for mode in ("user", "system"):
            most = max(value for value in by_mode[mode]["mean"] if value is not None)
            told = re.search(rf"{mode} [^;]*, ([\d.]+) cores? at most", words) or re.search(
                rf"{mode} [^;]*, ([\d.]+) at most", words
            )
            assert float(told[1]) == pytest.approx(most, rel=0.05)
        await page.goto(f"{demo.url}{WORKER}?range=1h")
        await page.reload()
        await plot_of(page, "cpu")
        button = page.locator("figure[data-panel=cpu] .legend button", has_text="system")
        assert await button.get_attribute("aria-pressed") == "true"
        await button.click()
        words = await page.locator("figure[data-panel=cpu] .plot").get_attribute("aria-label")
        assert "user" in words
        assert "system" not in words
