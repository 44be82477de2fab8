"""What changes while somebody looks: containers, the connection, engines that are away."""

import asyncio
import contextlib
import time

import pytest

from command import running
from fakes.engine import FakeEngine
from fakes.stats import frame, streaming
from servers.chromium import looking_at
from servers.process import free_ports
from waiting import wait_until_async

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def own(tmp_path, port, **given):
    """A program on a port, with nothing of the machine's own."""
    usual = {"XDG_STATE_HOME": str(tmp_path), "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}"}
    return running(tmp_path / "log", **usual, **given)


async def test_containers_come_and_go_before_the_readers_eyes(tmp_path, docker_engine):
    """A real engine: without a reload, and in seconds; two, where little else runs."""
    (port,) = free_ports(1)
    docker = lambda *command: asyncio.to_thread(docker_engine.docker, *command)  # noqa: E731
    async with own(tmp_path, port, DOCKER_HOST=docker_engine.host) as process:
        await process.says("watching")
        async with looking_at(f"http://127.0.0.1:{port}/") as page:
            await page.locator("#link[data-link=live]").wait_for()
            await page.evaluate("window.stays = true")
            row = page.locator("tr[data-container$='/browsed']")
            loop = ("sh", "-c", "while :; do :; done")
            await docker("run", "-d", "--name", "browsed", "--cpus", "0.2", "busybox:local", *loop)
            started = time.monotonic()
            await row.locator(".badge", has_text="running").wait_for()
            assert time.monotonic() - started < 10
            cpu = row.locator("[data-key=cpu] b")

            async def held():
                text = await cpu.inner_text()
                return text != "–" and abs(float(text) - 0.2) < 0.1

            await wait_until_async(held, 15, "its CPU, about 0.2 cores")
            await docker("stop", "--time", "0", "browsed")
            stopped = time.monotonic()
            await row.locator(".badge", has_text="exited").wait_for()
            assert time.monotonic() - stopped < 10
            assert await cpu.inner_text() == "–"
            said = page.locator("#announcer")
            await wait_until_async(said.inner_text, 5, "words for readers of the screen")
            assert "browsed" in await said.inner_text()
            await docker("rm", "--force", "browsed")
            await row.wait_for(state="detached")
            assert await page.evaluate("window.stays")


async def test_a_lost_connection_is_told_and_found_again(tmp_path):
    """A banner says since when; when the program is back the page goes on, without a reload."""
    from playwright.async_api import TimeoutError as NotThere

    (port,) = free_ports(1)
    async with FakeEngine(tmp_path / "s") as engine:
        async with own(tmp_path, port, DOCKER_HOST=engine.host) as process:
            await process.says("metrics at")
            opened = looking_at(f"http://127.0.0.1:{port}/", troubles=True)
            page = await opened.__aenter__()
            await page.locator("#link[data-link=live]").wait_for()
            await page.evaluate("window.stays = true")
            assert await process.stop() == 0
        banner = page.locator("#banner")
        await banner.get_by_text("Disconnected since").wait_for()
        assert await page.locator("#link").inner_text() == "disconnected"
        again = banner.get_by_role("button", name="Try now")
        await again.wait_for()
        async with own(tmp_path, port, DOCKER_HOST=engine.host) as process:
            await process.says("metrics at")
            with contextlib.suppress(NotThere):  # the page may have tried by itself before
                await again.click(timeout=2000)
            await page.locator("#link[data-link=live]").wait_for()
            assert await banner.is_hidden()
            assert await page.evaluate("window.stays")
            await opened.__aexit__(None, None, None)


async def test_nothing_to_watch_says_what_to_do(tmp_path):
    """An engine without containers, and none at all: in words, with what can be done."""
    (port,) = free_ports(1)
    async with (
        FakeEngine(tmp_path / "s") as engine,
        own(tmp_path, port, DOCKER_HOST=engine.host) as process,
    ):
        await process.says("metrics at")
        async with looking_at(f"http://127.0.0.1:{port}/") as page:
            empty = page.locator(".empty")
            await empty.get_by_text("No containers to watch").wait_for()
            assert "docker run" in await empty.inner_text()
    async with own(tmp_path, port, DOCKER_HOST=f"unix://{tmp_path}/nothing") as process:
        await process.says("metrics at")
        async with looking_at(f"http://127.0.0.1:{port}/") as page:
            empty = page.locator(".empty")
            await empty.get_by_text("No engine answers").wait_for()
            assert f"{tmp_path}/nothing" in await empty.inner_text()
            assert f"{tmp_path}/nothing" in await page.locator(".card .trouble").inner_text()


async def test_a_token_is_asked_for_and_does_not_stay_in_the_address(tmp_path):
    """Typed into the form, or taken from the address of the first visit."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    secret = {"TIDEGAUGE_WEB_TOKEN": "open-sesame-open"}
    async with (
        FakeEngine(tmp_path / "s") as engine,
        own(tmp_path, port, DOCKER_HOST=engine.host, **secret) as process,
    ):
        await process.says("metrics at")
        async with looking_at(url, troubles=True) as page:
            await page.get_by_label("The token").fill("open-sesame-open")
            await page.get_by_role("button", name="Show").click()
            await page.locator(".empty", has_text="No containers to watch").wait_for()
            await page.locator("#link[data-link=live]").wait_for()
        async with looking_at(f"{url}?token=open-sesame-open#/status") as page:
            await page.get_by_role("table", name="Engines").wait_for()
            assert page.url == f"{url}#/status"


async def test_a_page_nobody_looks_at_rests(demo):
    """While it is hidden there is no stream; once it is seen again, everything is new."""
    async with looking_at(demo.url) as page:
        await page.locator("#link[data-link=live]").wait_for()
        hide = """hidden => {
          Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
        viewers = (await demo.ask("status"))["viewers"]
        await page.evaluate(hide, True)
        await page.locator("#link[data-link=paused]").wait_for()

        async def fewer():
            return (await demo.ask("status"))["viewers"] < viewers

        await wait_until_async(fewer, 10, "a viewer less")
        await page.evaluate(hide, False)
        await page.locator("#link[data-link=live]").wait_for()


async def test_without_history_live_charts_still_move(tmp_path):
    """The page says that there is none, and shows what comes while it is open."""
    (port,) = free_ports(1)
    log = tmp_path / "log"
    given = {"TIDEGAUGE_HISTORY_ENABLED": "false", "TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}"}
    arguments = ("demo", "--containers", "5")
    async with running(log, *arguments, TMPDIR=str(tmp_path), **given) as process:
        await process.says("watching")
        address = f"http://127.0.0.1:{port}/#/container/demo/shop-traefik-1?range=live"
        async with looking_at(address, troubles=True) as page:
            await page.locator(".notice").wait_for()
            figure = page.locator("figure[data-panel=cpu]")
            await figure.locator("canvas").wait_for()
            before = int(await figure.get_attribute("data-points"))

            async def more():
                return int(await figure.get_attribute("data-points")) > before + 1

            await wait_until_async(more, 10, "two more points")


async def test_engines_of_one_host_are_grouped_together(tmp_path):
    """By the name that each tells of its machine, with the sums of all; one does not tell."""
    (port,) = free_ports(1)
    async with contextlib.AsyncExitStack() as stack:
        engines = {}
        for name in ("blue", "green", "silent"):
            engine = await stack.enter_async_context(FakeEngine(tmp_path / name))
            engine.add(f"on-{name}", streaming(frame(1), frame(2)))
            engines[name] = engine
        for name in ("blue", "green"):
            engines[name].replies["/info"] = lambda c: c.json({"Name": "harbour", "NCPU": 4})
        config = tmp_path / "config.toml"
        config.write_text(
            "\n".join(
                f'[[engines]]\nname = "{name}"\nhost = "{engine.host}"'
                for name, engine in engines.items()
            )
        )
        listen = {"TIDEGAUGE_WEB_LISTEN": f"127.0.0.1:{port}"}
        started = running(tmp_path / "log", "--config", str(config), **listen)
        process = await stack.enter_async_context(started)
        await process.says("metrics at")
        url = f"http://127.0.0.1:{port}/#/?group=host"
        page = await stack.enter_async_context(looking_at(url))
        script = """bodies => bodies.map(body => [
          body.querySelector(".label bdi").textContent,
          [...body.querySelectorAll("tr[data-container] a")].map(each => each.textContent),
          Number(body.querySelector(".group [data-key=pids]").dataset.sum)])"""

        async def grouped():
            found = await page.eval_on_selector_all("table.grid tbody", script)
            return found == [
                ["harbour", ["on-blue", "on-green"], 6],
                ["unknown host of engine silent", ["on-silent"], 3],
            ]

        await wait_until_async(grouped, 20, "groups by host")
        await page.goto(f"http://127.0.0.1:{port}/#/status")
        table = page.get_by_role("table", name="Engines")
        await table.locator("tbody tr").nth(2).wait_for()
        rows = await table.locator("tbody tr").all_inner_texts()
        assert ["harbour" in row for row in rows] == [True, True, False]
